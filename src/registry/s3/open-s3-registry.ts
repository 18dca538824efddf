import path from 'node:path'

import type { RolloutPolicy } from '../../domain/rollout-policy.ts'
import type { Settings } from '../../wire/settings.ts'
import { BlobCache } from '../blob-cache.ts'
import type { CacheDir } from '../cache-dir.ts'
import { ControlBucket } from '../control/control-bucket.ts'
import { ControlFolder } from '../control/control-folder.ts'
import { FallbackStore } from '../control/fallback-store.ts'
import { type OpenRegistry, readOnlyProblem, type SourceObserver } from '../open-registry.ts'
import { S3Bucket } from './bucket.ts'
import { createS3Client } from './client.ts'
import type { S3Location } from './location.ts'
import { S3Source } from './s3-source.ts'
import { SavedVersions } from './saved-versions.ts'

/** The registry at a location; what is pulled and seen of it is kept below `cache.shared`. */
export function openS3Registry(
  location: S3Location,
  cache: CacheDir,
  settings: Settings,
  policy: RolloutPolicy,
  observer: SourceObserver,
): OpenRegistry {
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
  const bucket = new S3Bucket(client, { location, requestTimeoutMs: settings.s3RequestTimeoutMs })
  const saved = new SavedVersions(cache.shared, location.url)
  const source = new S3Source({
    bucket,
    cache,
    saved,
    pull: {
      blobs,
      bytesMax: settings.versionBytesMax,
      connections: settings.pullConnections,
      stallTimeoutMs: settings.s3StallTimeoutMs,
    },
    pollIntervalMs: settings.pollIntervalMs,
    policy,
    ...observer,
  })
  const readOnly = readOnlyProblem(location.url, observer)
  return {
    source,
    store: new FallbackStore(new ControlBucket(bucket), readOnly),
    mirror: new ControlFolder((model) => path.join(saved.dir, model)),
  }
}
