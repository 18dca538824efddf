import { expect, test } from 'vitest'

import { LABELS_BYTES_MAX, parseLabels } from '../../src/wire/labels.ts'

function parse(json: unknown) {
  return parseLabels(Buffer.from(JSON.stringify(json)), 'labels.json')
}

test('labels are a JSON array of strings', () => {
  expect(parse(['cat', '', 'Hund ü'])).toEqual(['cat', '', 'Hund ü'])
  expect(parse([])).toEqual([])
})

test.each([
  [{ 0: 'cat' }, 'labels.json: expected an array of strings'],
  [['cat', 5], 'labels.json[1]: expected a string of at most 1000 characters'],
  [['x'.repeat(1001)], 'labels.json[0]: expected a string of at most 1000 characters'],
  [Array.from({ length: 1_000_001 }, () => ''), 'expected at most 1000000 labels, not 1000001'],
])('labels are refused with a sentence', (json, sentence) => {
  expect(() => parse(json)).toThrow(sentence)
  expect(() => parse(json)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
})

test.each([
  ['no JSON', Buffer.from('cat\ndog\n')],
  ['no UTF-8', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])],
  ['too large', Buffer.alloc(LABELS_BYTES_MAX + 1, ' ')],
])('a file that is %s is refused', (_, bytes) => {
  expect(() => parseLabels(bytes, 'names.json')).toThrow(/^names.json: expected/)
})
