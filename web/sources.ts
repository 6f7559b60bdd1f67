/** One hash over all that the built files are made of; tests/unit/test_dashboard_files.py computes the same. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

export function sourcesHash(): string {
  const below = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`);
  const files = ["index.html", "package-lock.json", "vite.config.ts", ...below("src"), ...below("public")].sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}
