import path from 'node:path'

import type { Settings } from '../../wire/settings.ts'
import { BlobCache } from '../blob-cache.ts'
import type { CacheDir } from '../cache-dir.ts'
import type { SourceObserver } from '../open-source.ts'
import type { Source } from '../source.ts'
import { S3Bucket } from './bucket.ts'
import { createS3Client } from './client.ts'
import type { S3Location } from './location.ts'
import { S3Source } from './s3-source.ts'
import { SavedVersions } from './saved-versions.ts'

/** A source of the versions at a location, which keeps what it pulls below `cache.shared`. */
export function openS3Source(
  location: S3Location,
  cache: CacheDir,
  settings: Settings,
  { onProblem, onRecovered }: SourceObserver,
): Source {
  const client = createS3Client({
    pathStyle: settings.s3PathStyle,
    connectTimeoutMs: settings.s3ConnectTimeoutMs,
    stallTimeoutMs: settings.s3StallTimeoutMs,
  })
  const blobs = new BlobCache({
    dir: path.join(cache.shared, 'blobs'),
    bytesMax: settings.cacheBytesMax,
    freeBytesMin: settings.cacheFreeBytesMin,
  })
  return new S3Source({
    bucket: new S3Bucket(client, { location, requestTimeoutMs: settings.s3RequestTimeoutMs }),
    cache,
    saved: new SavedVersions(cache.shared, location.url),
    pull: {
      blobs,
      bytesMax: settings.versionBytesMax,
      connections: settings.pullConnections,
      stallTimeoutMs: settings.s3StallTimeoutMs,
    },
    pollIntervalMs: settings.pollIntervalMs,
    onProblem,
    onRecovered,
  })
}
