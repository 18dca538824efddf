import { isObject, type JsonObject } from '../config/json.ts'
import { LayerConfig } from '../config/layer-config.ts'
import type { Layer } from '../config/model.ts'
import { unloadable } from '../failure.ts'

/** A layer that a wrapper's configuration describes; `changes` replace options of it. */
export function innerLayer(wrapper: Layer, option: string, changes: JsonObject = {}): Layer {
  const json = wrapper.config.get(option)
  const className = isObject(json) ? json['class_name'] : undefined
  const config = isObject(json) ? json['config'] : undefined
  if (!isObject(json) || typeof className !== 'string' || !isObject(config)) {
    throw unloadable(`${wrapper.className} ${wrapper.name} wraps no layer`)
  }
  const { name } = config
  const values = { ...config, ...changes }
  return {
    name: `${wrapper.name}/${typeof name === 'string' ? name : option}`,
    className,
    module: typeof json['module'] === 'string' ? json['module'] : undefined,
    trainable: wrapper.trainable,
    config: new LayerConfig(values, `${className} in ${wrapper.name}`),
    calls: [],
    firstCall: 0,
  }
}
