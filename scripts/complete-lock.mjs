// Adds to package-lock.json the optional packages of other platforms that the registry in use does
// not carry: npm leaves them out when it writes the lock, and `npm ci` of npm 11 then refuses it.
// Run it after `npm install` where `npm ci` says "Missing: … from lock file".
import { readFileSync, writeFileSync } from 'node:fs'

const PLATFORM =
  /(?<os>android|darwin|freebsd|linux|openharmony|win32|netbsd|openbsd|sunos|aix)-(?<cpu>arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el)/

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
let added = 0
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`
    const { os, cpu } = PLATFORM.exec(name)?.groups ?? {}
    const isLocked = Object.keys(lock.packages).some((k) => k === key || k.endsWith(`/${key}`))
    if (isLocked || os === undefined || !/^\d/.test(version)) continue
    const libc = os !== 'linux' ? undefined : name.includes('musl') ? ['musl'] : ['glibc']
    lock.packages[key] = { version, cpu: [cpu], dev: entry.dev, libc, optional: true, os: [os] }
    added++
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)),
)
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
process.stdout.write(`${added} packages of other platforms added\n`)
