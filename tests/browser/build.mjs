/**
 * Write the JavaScript client as one file without comments, as a module and as a classic script:
 * `node build.mjs [FOLDER]`. Its sources are in relay/static/client/.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import ts from "typescript";

const STATIC = new URL("../../relay/static/", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("package.json", STATIC), "utf8"));
const [folder = fileURLToPath(STATIC)] = process.argv.slice(2);
const head = `// relay-client ${version}, MIT licence. Written by \`make client\` from client/.\n`;
const compilerOptions = { removeComments: true, target: "es2022", module: "esnext" };

for (const { entry, name, format } of [
  { entry: "relay-client.js", name: "relay-client.js", format: "esm" },
  { entry: "classic.js", name: "relay-client.classic.js", format: "iife" },
]) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`client/${entry}`, STATIC))],
    bundle: true,
    charset: "utf8",
    format,
    target: "es2022",
    write: false,
  });
  // esbuild leaves comments in classes where they are.
  const { outputText } = ts.transpileModule(outputFiles[0].text, { compilerOptions });
  writeFileSync(`${folder}/${name}`, head + outputText);
}
