/** Where S3 servers are known to differ. Whoever uses S3 has to be right with either. */
export interface Differences {
  /** A key below another key (`x` and `x/y`): AWS stores both; one that keeps files answers 409. */
  readonly keyBelowKey: 'stored' | 'conflict'
  /** The status for an access key that does not exist: AWS 403, versitygw 404. */
  readonly unknownAccessKey: 403 | 404
  /** Asked to URL-encode the keys of a listing, AWS does and says so; versitygw does neither. */
  readonly canEncodeListings: boolean
}

/** An S3 server to hold against the checks. */
export interface Target {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  /** How often each race is run. */
  readonly raceRounds: number
}

export const AS_AWS: Differences = {
  keyBelowKey: 'stored',
  unknownAccessKey: 403,
  canEncodeListings: true,
}

export const AS_VERSITYGW: Differences = {
  keyBelowKey: 'conflict',
  unknownAccessKey: 404,
  canEncodeListings: false,
}
