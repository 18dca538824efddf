import { expect, test } from 'vitest'

import { HotPaths } from '../../src/gateway/hot-paths.ts'
import type { HotRoute } from '../../src/gateway/route.ts'

const route = (path: RegExp): HotRoute => ({
  method: 'POST',
  path,
  protocol: 'test',
  handle: () => Promise.resolve(),
})
const one = route(/^\/a\/(?<model>[^/]+)$/)
const two = route(/^\/a\/(?<model>[^/]+)(?:\/(?<version>\d+))?$/)

test('a path is of the first route that it fits, every time', () => {
  const paths = new HotPaths([one, two])
  for (let time = 0; time < 2; time++) {
    expect(paths.match('/a/b%20c')).toEqual({ route: one, params: { model: 'b c' } })
    expect(paths.match('/a/b/7')).toEqual({ route: two, params: { model: 'b', version: '7' } })
    expect(paths.match('/a/%E0%A4%A')).toEqual({ route: one, params: { model: '' } })
    expect(paths.match('/c')).toBeUndefined()
  }
})

test('it stays right after more paths than are remembered', () => {
  const paths = new HotPaths([one])
  for (let i = 0; i < 3000; i++) expect(paths.match(`/a/${i}`)?.params['model']).toBe(String(i))
  for (let i = 0; i < 3000; i++) expect(paths.match(`/a/${i}`)?.params['model']).toBe(String(i))
  const long = 'x'.repeat(5000)
  expect(paths.match(`/a/${long}`)?.params['model']).toBe(long)
})
