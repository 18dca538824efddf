import { createServer } from 'node:http'

/** The reference of small requests: node:http, a body read whole and an answer of one kilobyte or so. */
let answer = Buffer.alloc(0)

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    Buffer.concat(chunks)
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': String(answer.length),
    })
    response.end(answer)
  })
})

process.on('disconnect', () => process.exit(0))
process.on('message', (wanted: { answer: Uint8Array }) => {
  answer = Buffer.from(wanted.answer)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no TCP port was given')
    process.send?.({ kind: 'listening', port: address.port })
  })
})
process.send?.({ kind: 'ready' })
