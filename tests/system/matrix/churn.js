// SPDX-License-Identifier: LGPL-2.1-or-later
// A server whose every answer makes garbage: small objects, a string and a buffer.
const http = require("http");

http.createServer((request, response) => {
	const rows = [];
	for (let i = 0; i < 500; i++)
		rows.push({ id: i, name: "row " + i, values: [i, i * 2, i * 3] });
	const body = Buffer.from(JSON.stringify(rows));
	response.end(body);
}).listen(process.argv[2]);
