/** Where S3 servers are known to differ. Whoever uses S3 has to be right with either. */
export interface Differences {
  /** A key below another key (`x` and `x/y`): AWS stores both; one that keeps files answers 409. */
  readonly keyBelowKey: 'stored' | 'conflict'
  /** The status for an access key that does not exist: AWS 403, versitygw 404. */
  readonly unknownAccessKey: 403 | 404
}

/** An S3 server to hold against the checks. */
export interface Target {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
}

export const AS_AWS: Differences = { keyBelowKey: 'stored', unknownAccessKey: 403 }
export const AS_VERSITYGW: Differences = { keyBelowKey: 'conflict', unknownAccessKey: 404 }
