import type { Settings } from '../../wire/settings.ts'
import { isS3Url, parseS3Url } from '../s3/location.ts'
import { FolderStore } from './folder-store.ts'
import type { RegistryStore } from './registry-store.ts'

/** The registry that the settings name. Throws CONFIG_INVALID. */
export async function openStore(settings: Settings): Promise<RegistryStore> {
  const { registry } = settings
  if (!isS3Url(registry)) return FolderStore.open(registry)
  const location = parseS3Url(registry)
  // Who has a folder has no use for the SDK: 20 MB, and 0.2 s to load.
  const { openBucketStore } = await import('./bucket-store.ts')
  return openBucketStore(location, settings)
}
