/*! Contains picomatch, MIT License, Copyright (c) 2017-present, Jon Schlinkert. */
import { initialize } from 'monaco-editor/esm/vs/editor/editor.worker.js';
import 'monaco-editor/esm/vs/language/json/json.worker.js';
import { GraphQLWorker } from 'monaco-graphql/esm/GraphQLWorker.js';

// Three workers, each containing the plain editor worker, as one file. The JSON worker listens on
// import and serves as the plain one as well; the GraphQL worker takes over where it is asked for.
if (self.name === 'graphql') {
  self.onmessage = () => initialize((context, data) => new GraphQLWorker(context, data));
}
