import type { Backend } from '../backend.ts'

export const tensorflowBackend: Backend = {
  name: 'tensorflow',
  load: () => Promise.reject(new Error('being written')),
}
