// Reads a JSON list of GIFT texts, and writes what gift-pegjs makes of each: its questions, or the error.
const { parse } = require(process.argv[2]);
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () => {
  const read = (text) => {
    try {
      return { questions: parse(text) };
    } catch (error) {
      return { error: `${error.message} at line ${error.location && error.location.start.line}` };
    }
  };
  process.stdout.write(JSON.stringify(JSON.parse(Buffer.concat(chunks).toString("utf8")).map(read)));
});
