import type { DType } from '../../domain/tensor.ts'

/** The protocol's names of datatypes. */
const DATATYPES = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
} as const satisfies Record<DType, string>

export type Datatype = (typeof DATATYPES)[DType]

const DTYPES: ReadonlyMap<string, DType> = new Map(
  Object.entries(DATATYPES).map(([dtype, datatype]) => [datatype, dtype as DType]),
)

export const DATATYPE_NAMES: readonly Datatype[] = Object.values(DATATYPES)

export function datatypeOf(dtype: DType): Datatype {
  return DATATYPES[dtype]
}

export function dtypeOf(datatype: string): DType | undefined {
  return DTYPES.get(datatype)
}
