import { Option } from 'commander'

export function adminOption(): Option {
  return new Option('--admin <url>', 'admin port of the server (also CUTOVER_ADMIN_URL)')
    .env('CUTOVER_ADMIN_URL')
    .default('http://127.0.0.1:5001')
}
