import { writeFileSync } from "node:fs";
import { defineConfig } from "vite";

import { sourcesHash } from "./sources";

export default defineConfig({
  plugins: [
    {
      name: "sources-hash",
      // Kept beside the built files, so that a test without Node can tell whether they belong to the sources.
      closeBundle: () => writeFileSync("../src/gexlake/dashboard/sources.sha256", `${sourcesHash()}\n`),
    },
  ],
  build: {
    outDir: "../src/gexlake/dashboard",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false, // what is beside the one module is loaded when it is needed, and not before
    license: { fileName: "licenses.md" }, // of what is bundled
    assetsInlineLimit: 0, // the page's policy admits its own files, and nothing that is written into it
  },
  server: { proxy: { "^/(feeds|sessions|gaps|gex|greeks|orderflow|view|status|imports?|lineage|quarantine|events|health|ready|metrics)": "http://127.0.0.1:8765" } },
});
