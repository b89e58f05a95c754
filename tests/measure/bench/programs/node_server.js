// node's http serving the files of a directory; the header is sent before the body.
// Usage: node_server.js PORT DIRECTORY [--whole]: with --whole, both are sent at once, the cure by hand.
const fs = require('fs');
const http = require('http');
const [port, directory, whole] = process.argv.slice(2);

http.createServer({ keepAliveTimeout: 60000 }, (request, response) => {
  fs.readFile(directory + request.url, (error, body) => {
    if (error) throw error;
    response.writeHead(200, { 'Content-Length': body.length });
    if (!whole) response.flushHeaders();
    response.end(body);
  });
}).listen(Number(port), '0.0.0.0');
