import { describe, expect, test } from 'vitest'

import { type ModelView, nextAction, type VersionView } from '../../src/serving/version-policy.ts'

type Short = [version: number, state: VersionView['state'], aspired?: boolean]

function view(versions: Short[], stable?: number, loadedMax = 1): ModelView {
  return {
    versions: versions.map(([version, state, aspired = true]) => ({
      key: `v${version}`,
      version,
      state,
      aspired,
    })),
    stable: stable === undefined ? undefined : `v${stable}`,
    loadedMax,
  }
}

describe('nextAction', () => {
  test.each<[string, ModelView, string | undefined]>([
    ['nothing there, nothing to do', view([]), undefined],
    [
      'the newest is loaded first',
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
      'what is ready takes the traffic',
      view([
        [1, 'new'],
        [2, 'ready'],
      ]),
      'route v2',
    ],
    [
      'the old one leaves after that',
      view(
        [
          [1, 'ready'],
          [2, 'ready'],
        ],
        2,
      ),
      'drain v1',
    ],
    [
      'and not before',
      view(
        [
          [1, 'ready'],
          [2, 'ready'],
        ],
        1,
      ),
      'route v2',
    ],
    [
      'a newer one loads beside the stable',
      view(
        [
          [1, 'ready'],
          [2, 'new'],
        ],
        1,
      ),
      'load v2',
    ],
    [
      'a newer one overtakes one that loads',
      view(
        [
          [1, 'ready'],
          [2, 'loading'],
          [3, 'new'],
        ],
        1,
      ),
      'cancel v2',
    ],
    [
      'a rejected version is passed over',
      view([
        [1, 'new'],
        [2, 'rejected'],
      ]),
      'load v1',
    ],
    [
      'and does not disturb the stable',
      view(
        [
          [1, 'ready'],
          [2, 'rejected'],
        ],
        1,
      ),
      undefined,
    ],
    [
      'one to be tried again does not either',
      view(
        [
          [1, 'ready'],
          [2, 'retrying'],
        ],
        1,
      ),
      undefined,
    ],
    [
      'but where nothing serves, an older one helps out',
      view([
        [1, 'new'],
        [2, 'retrying'],
      ]),
      'load v1',
    ],
    ['a removed stable serves until another can', view([[2, 'ready', false]], 2), undefined],
    [
      'the one before it is loaded first',
      view(
        [
          [1, 'new'],
          [2, 'ready', false],
        ],
        2,
      ),
      'load v1',
    ],
    [
      'then routed, although it is older',
      view(
        [
          [1, 'ready'],
          [2, 'ready', false],
        ],
        2,
      ),
      'route v1',
    ],
    [
      'a removed load is cancelled',
      view(
        [
          [1, 'ready'],
          [2, 'loading', false],
        ],
        1,
      ),
      'cancel v2',
    ],
    [
      'what is gone and unloaded is forgotten',
      view(
        [
          [1, 'ready'],
          [2, 'rejected', false],
        ],
        1,
      ),
      'forget v2',
    ],
    [
      'a draining version is waited for',
      view(
        [
          [1, 'draining'],
          [2, 'ready', false],
        ],
        2,
      ),
      undefined,
    ],
    [
      'two are kept loaded on demand',
      view(
        [
          [1, 'new'],
          [2, 'ready'],
        ],
        2,
        2,
      ),
      'load v1',
    ],
    [
      'the older of two does not take over',
      view(
        [
          [1, 'ready'],
          [2, 'ready'],
        ],
        2,
        2,
      ),
      undefined,
    ],
    [
      'a third one pushes the oldest out',
      view(
        [
          [1, 'ready'],
          [2, 'ready'],
          [3, 'ready'],
        ],
        3,
        2,
      ),
      'drain v1',
    ],
  ])('%s', (_, model, expected) => {
    const action = nextAction(model)
    expect(action && `${action.kind} ${action.key}`).toBe(expected)
  })

  test('a version replaced in place is loaded, routed, and the former state drained', () => {
    const before: VersionView = { key: '1@a', version: 1, aspired: false, state: 'ready' }
    const after: VersionView = { key: '1@b', version: 1, aspired: true, state: 'new' }
    const model = { stable: '1@a', loadedMax: 1 }
    expect(nextAction({ ...model, versions: [before, after] })).toEqual({
      kind: 'load',
      key: '1@b',
    })
    const versions = [before, { ...after, state: 'ready' as const }]
    expect(nextAction({ ...model, versions })).toEqual({ kind: 'route', key: '1@b' })
    const swapped = { ...model, stable: '1@b', versions }
    expect(nextAction(swapped)).toEqual({ kind: 'drain', key: '1@a' })
  })
})
