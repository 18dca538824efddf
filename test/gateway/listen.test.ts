import { expect, test } from 'vitest'

import { authorityOf } from '../../src/gateway/listen.ts'

test.each([
  ['127.0.0.1', '127.0.0.1:5000'],
  ['cutover.local', 'cutover.local:5000'],
  ['::', '[::]:5000'],
  ['fd00::12', '[fd00::12]:5000'],
])('the address of %s in a URL', (host, authority) => {
  expect(authorityOf(host, 5000)).toBe(authority)
})
