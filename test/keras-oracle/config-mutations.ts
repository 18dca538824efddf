/** Gives a whole number below its argument. */
export type Random = (limit: number) => number

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Place = { readonly holder: Json[] | Record<string, Json>; readonly key: number | string }

const NUMBERS = [0, -1, 1e9, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, 0.5] as const
const OTHERS: readonly Json[] = [
  null,
  true,
  'x',
  '__proto__',
  [],
  {},
  -3,
  [[]],
  { class_name: 'Dense' },
]
const DEEP = '@deep@'
const DEPTH = 100_000
const MODELS_DEPTH = 3000
const DOUBLINGS_MAX = 40

/** On the text of a model's configuration: still JSON, for most. */
export const CONFIG_MUTATIONS: Readonly<Record<string, (text: string, random: Random) => string>> =
  {
    'a huge or senseless number': (text, random) =>
      changed(
        text,
        random,
        (value) => typeof value === 'number',
        () => one(NUMBERS, random),
      ),
    'a value of another type': (text, random) =>
      changed(
        text,
        random,
        () => true,
        () => one(OTHERS, random),
      ),
    'a value removed': removed,
    'a name replaced by another': rewired,
    'deep nesting of lists': (text, random) =>
      changed(
        text,
        random,
        () => true,
        () => DEEP,
      ).replaceAll(`"${DEEP}"`, '['.repeat(DEPTH) + ']'.repeat(DEPTH)),
    'models in models': (text) => {
      const open = '{"class_name":"Sequential","config":{"name":"deeper","layers":['
      return open.repeat(MODELS_DEPTH) + text + ']}}'.repeat(MODELS_DEPTH)
    },
    'models that call the model inside twice': (_, random) => {
      let layer: Json = { module: 'keras.layers', class_name: 'ReLU', config: { name: 'inner' } }
      const levels = 4 + random(DOUBLINGS_MAX - 3)
      for (let level = 0; level < levels; level++) layer = twice(layer, level)
      return JSON.stringify(layer)
    },
    'text cut off': (text, random) => text.slice(0, random(text.length)),
  }

function one<T>(items: readonly T[], random: Random): T {
  return items[random(items.length)] as T
}

function places(value: Json): Place[] {
  if (typeof value !== 'object' || value === null) return []
  const holder: Json[] | Record<string, Json> = value
  const keys: (number | string)[] = Array.isArray(holder) ? [...holder.keys()] : Object.keys(holder)
  return keys.flatMap((key) => [{ holder, key }, ...places(valueAt({ holder, key }))])
}

function valueAt({ holder, key }: Place): Json {
  return (holder as Record<string | number, Json>)[key] ?? null
}

function changed(
  text: string,
  random: Random,
  suits: (value: Json) => boolean,
  value: () => Json,
): string {
  const config = JSON.parse(text) as Json
  const suitable = places(config).filter((place) => suits(valueAt(place)))
  for (let count = 0; count <= random(2) && suitable.length > 0; count++) {
    const { holder, key } = one(suitable, random)
    Object.assign(holder, { [key]: value() })
  }
  return JSON.stringify(config)
}

function removed(text: string, random: Random): string {
  const config = JSON.parse(text) as Json
  const { holder, key } = one(places(config), random)
  if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else Reflect.deleteProperty(holder, key)
  return JSON.stringify(config)
}

/** One reference to a layer becomes a reference to another: to itself, a later one, or twice one. */
function rewired(text: string, random: Random): string {
  const config = JSON.parse(text) as Json
  const all = places(config)
  const names = all
    .filter(({ key }) => key === 'name')
    .map((place) => valueAt(place))
    .filter((name) => typeof name === 'string')
  const references = all.filter(
    (place) => place.key !== 'name' && names.includes(valueAt(place) as string),
  )
  const { holder, key } = one(references.length === 0 ? all : references, random)
  Object.assign(holder, { [key]: one(names, random) })
  return JSON.stringify(config)
}

/** A Functional model with one input that calls `inner` on its own answer: two to the levels calls. */
function twice(inner: Json, level: number): Json {
  const call = (from: string, node: number): Json => ({
    args: [
      {
        class_name: '__keras_tensor__',
        config: { shape: [null, 4], dtype: 'float32', keras_history: [from, node, 0] },
      },
    ],
    kwargs: {},
  })
  const name = `inner_${level}`
  // Keras 3 counts a model that was made as a call, but only here.
  const last = level === 0 ? 1 : 2
  return {
    module: 'keras.src.models.functional',
    class_name: 'Functional',
    registered_name: 'Functional',
    config: {
      name: `outer_${level}`,
      layers: [
        {
          class_name: 'InputLayer',
          config: { batch_shape: [null, 4], dtype: 'float32', name: 'x' },
          name: 'x',
          inbound_nodes: [],
        },
        { ...(inner as object), name, inbound_nodes: [call('x', 0), call(name, 0)] },
      ],
      input_layers: [['x', 0, 0]],
      output_layers: [[name, last, 0]],
    },
  }
}
