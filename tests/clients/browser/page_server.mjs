// An origin: a server of page/ and of a client, which pages tell how their cases went.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'

const FOLDER = new URL('./page/', import.meta.url)
const TYPES = { html: 'text/html; charset=utf-8', mjs: 'text/javascript; charset=utf-8' }

export class PageServer {
  /// `client`: the file of the client's module.
  static async start(client) {
    const server = new PageServer(client)
    server.http.listen(0, '127.0.0.1')
    await once(server.http, 'listening')
    return server
  }

  constructor(client) {
    this.client = client
    this.report = null // of the page that was shown last
    this.http = createServer((request, response) => void this.answer(request, response))
  }

  get origin() {
    return `http://127.0.0.1:${this.http.address().port}`
  }

  /// The address of a page that runs the cases of page/CASES.mjs, which are given the parameters.
  page(cases, parameters) {
    return `${this.origin}/index.html?${new URLSearchParams({ cases, ...parameters })}`
  }

  async answer(request, response) {
    try {
      const { pathname } = new URL(request.url, this.origin)
      if (request.method === 'POST' && pathname === '/report') {
        const parts = []
        for await (const part of request) parts.push(part)
        this.report = JSON.parse(Buffer.concat(parts).toString())
        response.writeHead(204).end()
        return
      }
      const [, name, type] = /^\/([a-z_]+)\.(html|mjs)$/.exec(pathname)
      const body = await readFile(name === 'client' ? this.client : new URL(`${name}.${type}`, FOLDER))
      response.writeHead(200, { 'Content-Type': TYPES[type], 'Cache-Control': 'no-store' }).end(body)
    } catch {
      response.writeHead(404).end() // a browser asks for an icon, too
    }
  }

  stop() {
    this.http.close()
    this.http.closeAllConnections()
  }
}
