import { CutoverError } from '../../domain/errors.ts'

/** What Triton's clients ask before they use memory they share with the server: there is none. */
export function regions({ name }: { readonly name: string }): object {
  if (name === '') return { regions: {} }
  throw new CutoverError('REGION_NOT_FOUND', `there is no shared memory region ${name}`)
}

export function refuseRegion(): never {
  throw new CutoverError(
    'ROUTE_NOT_FOUND',
    'this server shares no memory with its clients: send tensors in raw_input_contents',
  )
}
