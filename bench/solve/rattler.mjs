// Solves each line of a file of jobs (id TAB spec TAB spec ...) with rattler's solver, and writes one
// line of JSON per job. Its npm package is the solver compiled to WebAssembly: it fetches and decodes
// the shards that it needs for every job anew, which its times include.
//
//   node rattler.mjs FOLDER-WITH-NODE_MODULES CHANNEL-URL PLATFORM JOBS.tsv OUT.jsonl
import { createRequire } from "node:module";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, channel, platform, jobs, out] = process.argv.slice(2);
const require = createRequire(folder + "/");
const rattler = await import(pathToFileURL(require.resolve("@conda-org/rattler")).href);
writeFileSync(out, "");
for (const line of readFileSync(jobs, "utf8").split("\n")) {
  const [id, ...specs] = line.split("\t");
  if (specs.length === 0) {
    continue;
  }
  const before = process.cpuUsage();
  const result = { id };
  try {
    const solved = await rattler.simpleSolve(specs, [channel], [platform, "noarch"], []);
    result.packages = solved.map((p) => `${p.packageName} ${p.version} ${p.build}`);
  } catch (error) {
    result.error = String(error?.message ?? error);
  }
  const used = process.cpuUsage(before);
  result.ms = (used.user + used.system) / 1000;
  appendFileSync(out, JSON.stringify(result) + "\n");
}
