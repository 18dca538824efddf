import { describe, expect, test } from 'vitest'

import { parseRolloutCommand } from '../../src/wire/rollout-command.ts'

const NOBODY = { who: 'unknown', reason: '' }

describe('a command', () => {
  test.each([
    ['{"kind":"promote"}', { kind: 'promote', full: false, by: NOBODY }],
    [
      '{"kind":"promote","full":true,"who":"ann","reason":"it is late"}',
      { kind: 'promote', full: true, by: { who: 'ann', reason: 'it is late' } },
    ],
    ['{"kind":"pause"}', { kind: 'pause', by: NOBODY }],
    ['{"kind":"resume"}', { kind: 'resume', by: NOBODY }],
    ['{"kind":"abort"}', { kind: 'abort', by: NOBODY }],
    ['{"kind":"retry"}', { kind: 'retry', by: NOBODY }],
    ['{"kind":"retry","version":3}', { kind: 'retry', version: 3, by: NOBODY }],
    ['{"kind":"pin","version":2}', { kind: 'pin', version: 2, by: NOBODY }],
    ['{"kind":"unpin"}', { kind: 'unpin', by: NOBODY }],
  ])('%s', (text, command) => {
    expect(parseRolloutCommand(text)).toEqual(command)
  })

  test.each([
    ['', 'expected a command as JSON'],
    ['{', 'expected a command as JSON'],
    ['null', /expected/],
    ['[]', /expected/],
    ['{}', 'kind: expected promote, pause, resume, abort, retry, pin or unpin'],
    ['{"kind":"dance"}', 'kind: expected promote, pause, resume, abort, retry, pin or unpin'],
    ['{"kind":"pin"}', 'version: expected the number of a version'],
    ['{"kind":"pin","version":0}', 'version: expected the number of a version'],
    ['{"kind":"pin","version":1.5}', 'version: expected the number of a version'],
    ['{"kind":"pin","version":"2"}', 'version: expected the number of a version'],
    ['{"kind":"pin","version":1e300}', 'version: expected the number of a version'],
    ['{"kind":"pause","version":1}', /version/],
    ['{"kind":"pause","who":7}', 'who: expected a text'],
    ['{"kind":"pause","reason":"a\\nb"}', 'reason: expected no control characters'],
    ['{"kind":"pause","reason":"\\ud800"}', 'reason: expected no control characters'],
    [
      JSON.stringify({ kind: 'pause', who: 'x'.repeat(201) }),
      'who: expected at most 200 characters',
    ],
    [
      JSON.stringify({ kind: 'pause', reason: 'x'.repeat(1_001) }),
      'reason: expected at most 1000 characters',
    ],
  ])('is refused with a sentence: %s', (text, sentence) => {
    expect(() => parseRolloutCommand(text)).toThrow(
      expect.objectContaining({
        code: 'REQUEST_INVALID',
        message:
          typeof sentence === 'string' ? sentence : (expect.stringMatching(sentence) as string),
      }),
    )
  })
})
