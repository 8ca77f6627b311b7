import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// The page edits GraphQL and JSON in plain editors. What Monaco brings beyond that is left out:
// dist/ is committed and embedded in the binary, so its size counts.
const unusedFeatures = [
  'anchorSelect', 'codeAction', 'codelens', 'colorPicker', 'diffEditor', 'diffEditorBreadcrumbs',
  'dropOrPasteInto', 'format', 'inlayHints', 'inlineCompletions', 'inlineEdit', 'inlineEdits',
  'inlineProgress', 'linkedEditing', 'rename', 'sectionHeaders', 'semanticTokens', 'stickyScroll',
  'unicodeHighlighter',
].join('|');
const withoutFeatures = {
  name: 'without-features',
  transform: (code, id) =>
    id.endsWith('/vs/editor/editor.all.js')
      ? code.replace(new RegExp(`^import '\\./(contrib|browser/widget)/(${unusedFeatures})/.*$`, 'gm'), '')
      : undefined,
};

// Modules replaced by a stub, by the end of their path.
const stub = (modules) => ({
  name: 'stub',
  load: (id) => modules[Object.keys(modules).find((path) => id.endsWith(path))],
});
// Monaco's API object reaches these even when nobody asks for a diff.
const diff = {
  '/diffEditor/diffEditorWidget.js': 'export class DiffEditorWidget {}',
  '/multiDiffEditor/multiDiffEditorWidget.js': 'export class MultiDiffEditorWidget {}',
  '/diff/linesDiffComputers.js': 'export const linesDiffComputers = {}',
};
// GraphiQL formats on the main thread; the worker would carry a second copy of the formatter.
const formatter = {
  '/prettier/standalone.mjs': 'export default {}',
  '/prettier/plugins/graphql.mjs': 'export default {}',
};
const jsonPrinter = fileURLToPath(new URL('src/json-printer.js', import.meta.url));

export default defineConfig({
  base: '/graphiql/', // where the hub serves dist/
  plugins: [withoutFeatures, stub(diff)],
  resolve: {
    alias: {
      // Half a megabyte of JavaScript formatter, loaded to indent JSON.
      'prettier/parser-babel': jsonPrinter,
      'prettier/plugins/estree': jsonPrinter,
      'prettier/parser-graphql': 'prettier/plugins/graphql', // the same file under its old name
    },
  },
  worker: { format: 'es', plugins: () => [stub({ ...diff, ...formatter })] },
  build: {
    license: { fileName: 'licenses.md' },
    chunkSizeWarningLimit: 2000, // the editor is one big chunk by nature
    rolldownOptions: { checks: { moduleLevelDirective: false } }, // "use client" means nothing here
  },
});
