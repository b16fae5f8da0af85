// Takes H5P files in as a site does, with H5P's server for Node, and prints what it found in each: one JSON line a file.
// Beside each file it writes what the server hands out again when the content is downloaded: FILE.again.
// Usage: node accept_h5p.cjs FOLDER_OF_THE_SERVER FOLDER FILE…

const fs = require("fs");
const path = require("path");
const { finished } = require("stream/promises");
const [server, folder, ...files] = process.argv.slice(2);
const H5P = require(server);

async function main() {
  const places = ["libraries", "content", "temporary", "users"].map((name) => path.join(folder, name));
  for (const place of places) fs.mkdirSync(place, { recursive: true });
  const { FileLibraryStorage, DirectoryTemporaryFileStorage, FileContentUserDataStorage } = H5P.fsImplementations;
  const storage = new H5P.fsImplementations.FileContentStorage(places[1]);
  const editor = new H5P.H5PEditor(
    new H5P.cacheImplementations.CachedKeyValueStorage("test"), new H5P.H5PConfig(undefined, { sendUsageStatistics: false }),
    new FileLibraryStorage(places[0]), storage, new DirectoryTemporaryFileStorage(places[2]), undefined, undefined, {},
    new FileContentUserDataStorage(places[3]),
  );
  const user = { id: "1", name: "Teacher", type: "local", email: "teacher@localhost" };
  for (const file of files) {
    const taken = await editor.packageImporter.addPackageLibrariesAndContent(file, user);
    const again = fs.createWriteStream(`${file}.again`);
    await editor.exportContent(taken.id, again, user);
    await finished(again);
    const stored = await editor.contentManager.listContentFiles(taken.id, user);
    const { title, mainLibrary } = taken.metadata;
    process.stdout.write(`${JSON.stringify({ title, mainLibrary, parameters: taken.parameters, files: stored })}\n`);
  }
}

main().catch((error) => { process.stderr.write(`${error.stack || error}\n`); process.exit(1); });
