import { applyEdits, format } from 'jsonc-parser';

// A prettier plugin that indents JSON (with comments) by means of what the page already contains.
export const parsers = {
  jsonc: { astFormat: 'jsonc', parse: (text) => ({ text }), locStart: () => 0, locEnd: (node) => node.text.length },
};
export const printers = {
  jsonc: {
    print({ node: { text } }) {
      return applyEdits(text, format(text, undefined, { tabSize: 2, insertSpaces: true }));
    },
  },
};
