import { describe, expect, test } from 'vitest'

import { type ModelView, nextAction, type VersionView } from '../../src/serving/version-policy.ts'

type Short = [version: number, state: VersionView['state'], aspired?: boolean]

function view(versions: Short[], needed: number[] = [], loadedMax = 1): ModelView {
  return {
    versions: versions.map(([version, state, aspired = true]) => ({
      key: `v${version}`,
      version,
      state,
      aspired,
      refused: false,
    })),
    needed: needed.map((version) => `v${version}`),
    loadedMax,
  }
}

const [one, two, three] = [1, 2, 3]

describe('nextAction', () => {
  test.each<[string, ModelView, string | undefined]>([
    ['nothing there, nothing to do', view([]), undefined],
    [
      'the newest is loaded',
      view([
        [1, 'new'],
        [3, 'new'],
        [2, 'new'],
      ]),
      'load v3',
    ],
    [
      'what loads is waited for',
      view([
        [1, 'new'],
        [2, 'loading'],
      ]),
      undefined,
    ],
    [
      'what is ready and newest stays',
      view([
        [1, 'new'],
        [2, 'ready'],
      ]),
      undefined,
    ],
    [
      'what the routes need is loaded first',
      view(
        [
          [1, 'new'],
          [2, 'new'],
        ],
        [one],
      ),
      'load v1',
    ],
    [
      'and then the newest',
      view(
        [
          [1, 'ready'],
          [2, 'new'],
        ],
        [one],
      ),
      'load v2',
    ],
    [
      'of what is needed, the first',
      view(
        [
          [1, 'new'],
          [2, 'new'],
        ],
        [two, one],
      ),
      'load v2',
    ],
    [
      'both stay while both are needed',
      view(
        [
          [1, 'ready'],
          [2, 'ready'],
        ],
        [one, two],
      ),
      undefined,
    ],
    [
      'what is needed no more leaves',
      view(
        [
          [1, 'ready'],
          [2, 'ready'],
        ],
        [two],
      ),
      'drain v1',
    ],
    [
      'also when it is newer',
      view(
        [
          [1, 'ready'],
          [2, 'rejected'],
          [3, 'ready', false],
        ],
        [one],
      ),
      'drain v3',
    ],
    [
      'what left the registry stays while it is needed',
      view([[1, 'ready', false]], [one]),
      undefined,
    ],
    [
      'and one is loaded beside it',
      view(
        [
          [1, 'new'],
          [2, 'ready', false],
        ],
        [two],
      ),
      'load v1',
    ],
    [
      'it cannot be loaded again',
      view(
        [
          [1, 'new', false],
          [2, 'ready'],
        ],
        [one, two],
      ),
      'forget v1',
    ],
    [
      'an empty registry unloads nothing that serves',
      view([[3, 'ready', false]], [three]),
      undefined,
    ],
    [
      'what was rejected is passed over',
      view([
        [1, 'new'],
        [2, 'rejected'],
      ]),
      'load v1',
    ],
    [
      'what is tried again later, too',
      view([
        [1, 'new'],
        [2, 'retrying'],
      ]),
      'load v1',
    ],
    [
      'what is rejected stays known',
      view(
        [
          [1, 'ready'],
          [2, 'rejected'],
        ],
        [one],
      ),
      undefined,
    ],
    [
      'until it leaves the registry',
      view(
        [
          [1, 'ready'],
          [2, 'rejected', false],
        ],
        [one],
      ),
      'forget v2',
    ],
    [
      'a load that nobody wants is cancelled',
      view([
        [1, 'loading', false],
        [2, 'new'],
      ]),
      'cancel v1',
    ],
    [
      'a newer one ends the load of an older',
      view([
        [1, 'loading'],
        [2, 'new'],
      ]),
      'cancel v1',
    ],
    [
      'but not of one that is needed',
      view(
        [
          [1, 'loading'],
          [2, 'new'],
        ],
        [one],
      ),
      undefined,
    ],
    [
      'older ones stay loaded on demand',
      view(
        [
          [1, 'new'],
          [2, 'ready'],
        ],
        [two],
        2,
      ),
      'load v1',
    ],
    [
      'up to a bound',
      view(
        [
          [1, 'new'],
          [2, 'ready'],
          [3, 'ready'],
        ],
        [three],
        2,
      ),
      undefined,
    ],
    [
      'what drains is let be',
      view(
        [
          [1, 'draining'],
          [2, 'ready'],
        ],
        [two],
      ),
      undefined,
    ],
    ['what drains is not loaded meanwhile', view([[1, 'draining', false]], []), undefined],
  ])('%s', (_what, given, expected) => {
    const action = nextAction(given)
    expect(action && `${action.kind} ${action.key}`).toBe(expected)
  })

  test('what is in quarantine is not kept, nor loaded', () => {
    const refused = { key: 'v2', version: 2, aspired: true, refused: true } as const
    const good = { key: 'v1', version: 1, aspired: true, refused: false, state: 'ready' } as const
    const common = { needed: ['v1'], loadedMax: 1 }
    const ready = { ...common, versions: [good, { ...refused, state: 'ready' as const }] }
    expect(nextAction(ready)).toEqual({ kind: 'drain', key: 'v2' })
    const idle = { ...common, versions: [good, { ...refused, state: 'new' as const }] }
    expect(nextAction(idle)).toBe(undefined)
  })

  test('performed one after the other, the answers end', () => {
    const states: VersionView['state'][] = ['new', 'loading', 'ready', 'rejected', 'retrying']
    const after = { load: 'ready', drain: 'new', cancel: 'new', forget: undefined } as const
    for (let seed = 0; seed < 2_000; seed++) {
      let versions = Array.from({ length: 4 }, (_, index): VersionView => {
        const bits = (seed * 7919 + index * 104_729) >>> 3
        const state = states[bits % states.length] ?? 'new'
        return {
          key: `v${index}`,
          version: index + 1,
          state,
          aspired: bits % 3 > 0,
          refused: bits % 5 === 0,
        }
      })
      const needed = seed % 4 === 0 ? [] : [`v${seed % 4}`]
      let steps = 0
      for (; steps < 20; steps++) {
        const action = nextAction({ versions, needed, loadedMax: 1 + (seed % 2) })
        if (action === undefined) break
        const state = after[action.kind]
        versions = versions.flatMap((each) =>
          each.key !== action.key ? [each] : state === undefined ? [] : [{ ...each, state }],
        )
      }
      expect(steps).toBeLessThan(20)
    }
  })
})
