type State = 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END'

/** `model_version_status` of a version, in TensorFlow Serving's words. */
export interface ModelVersionStatus {
  readonly version: string
  readonly state: State
  readonly status: { readonly error_code: string; readonly error_message: string }
}

export function versionStatus(version: number, state: State, failure = ''): ModelVersionStatus {
  return {
    version: String(version),
    state,
    status: { error_code: failure === '' ? 'OK' : 'UNKNOWN', error_message: failure },
  }
}
