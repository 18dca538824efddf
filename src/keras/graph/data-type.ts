import type { DType } from '../../domain/tensor.ts'

/** onnx.proto: TensorProto.DataType */
const DATA_TYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
}

export function dataTypeOf(dtype: DType): number {
  return DATA_TYPES[dtype]
}
