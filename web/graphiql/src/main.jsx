import { GraphiQL } from 'graphiql';
import { DOC_EXPLORER_PLUGIN } from '@graphiql/plugin-doc-explorer';
import { Tooltip, pick, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { useEffect, useMemo, useState } from 'react';
import { createPortal } from 'react-dom';
import { createRoot } from 'react-dom/client';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './style.css';
import icon from './icon.svg';
import EditorWorker from './worker.js?worker';

globalThis.MonacoEnvironment = { getWorker: (_id, label) => new EditorWorker({ name: label }) };

const FIRST_QUERY = `# Ctrl-Enter runs it.
query Welcome {
  viewer { audience scopes }
  offerings(first: 5) {
    nodes { name }
  }
}
`;
const TABS = 'graphiql:tabState'; // where GraphiQL looks for its tabs

const headersWith = (authorization) => JSON.stringify({ Authorization: authorization }, null, 2);

/** The Authorization in the text of a headers editor; undefined while that text says nothing. */
function authorizationIn(headers) {
  try {
    const entries = Object.entries(JSON.parse(headers === '' ? '{}' : headers));
    return entries.find(([name]) => name.toLowerCase() === 'authorization')?.[1] ?? '';
  } catch {
    return undefined; // a new tab, or the middle of an edit
  }
}

const tabOf = ({ name, token, query, variables }) => ({
  id: name, // the name is the id: GraphiQL renames tabs after their operation, see keepNames
  title: name,
  query,
  variables: variables ?? '',
  headers: headersWith(`Bearer ${token}`),
  operationName: null,
  response: null,
});

/**
 * Puts a tab per persona where GraphiQL looks for the tabs of the last visit, since its `defaultTabs`
 * take no name. Edits of this session stay; tokens are renewed, as the hub may have been restarted.
 */
function prepareTabs(personas) {
  const last = JSON.parse(sessionStorage.getItem(TABS)) ?? { tabs: [] };
  const tabs = personas.map((persona) => {
    const tab = tabOf(persona);
    const { query, variables } = last.tabs.find(({ id }) => id === tab.id) ?? tab;
    return { ...tab, query, variables };
  });
  tabs.push(...last.tabs.filter(({ id }) => !tabs.some((tab) => tab.id === id)));
  if (!tabs.length) tabs.push({ ...tabOf({ name: 'Welcome', query: FIRST_QUERY }), headers: '' });
  const activeTabIndex = Math.max(0, tabs.findIndex(({ id }) => id === last.tabs[last.activeTabIndex]?.id));
  sessionStorage.setItem(TABS, JSON.stringify({ tabs, activeTabIndex }));
  return tabs[activeTabIndex];
}

let shownTab; // the id of the tab in front

function fetcherFor(authorization) {
  const headers = authorization ? { Authorization: authorization } : {};
  const send = createGraphiQLFetcher({
    url: '/graphql',
    subscriptionUrl: `${location.origin.replace('http', 'ws')}/graphql/ws`,
    wsConnectionParams: headers,
    enableIncrementalDelivery: false, // the hub answers in one piece
  });
  return async (request, options) => {
    const tab = shownTab;
    // The first introspection runs before there is a headers editor to take them from.
    const answer = await send(request, { headers, ...options });
    // GraphiQL would write an answer that comes late into whichever tab, and persona, is in front by then.
    const late = tab !== shownTab && request.operationName !== 'IntrospectionQuery';
    return late ? new Promise(() => {}) : answer;
  };
}

let reopened; // the persona whose closed tab is being opened again

function App({ hub, personas, tab }) {
  const [authorization, setAuthorization] = useState(authorizationIn(tab.headers));
  // A new fetcher makes GraphiQL drop the schema and introspect again: each audience has its own.
  const fetcher = useMemo(() => fetcherFor(authorization), [authorization]);
  const keepNames = ({ tabs, activeTabIndex }) => {
    if (reopened) Object.assign(tabs.at(-1), tabOf(reopened));
    reopened = undefined;
    for (const tab of tabs) if (personas.some(({ name }) => name === tab.id)) tab.title = tab.id;
    shownTab = tabs[activeTabIndex].id;
    setAuthorization((before) => authorizationIn(tabs[activeTabIndex].headers) ?? before);
  };
  return (
    <GraphiQL
      fetcher={fetcher}
      storage={sessionStorage} // tokens go with the browser tab
      shouldPersistHeaders
      showPersistHeadersSettings={false}
      initialQuery={tab.query ?? ''}
      initialVariables={tab.variables ?? ''}
      initialHeaders={tab.headers ?? ''}
      defaultEditorToolsVisibility={personas.length > 0 && 'variables'}
      visiblePlugin={innerWidth >= 1100 ? DOC_EXPLORER_PLUGIN : undefined}
      onTabChange={keepNames}
    >
      <GraphiQL.Logo>{' ' /* the bar has one */}</GraphiQL.Logo>
      <Bar hub={hub} personas={personas} authorization={authorization} />
    </GraphiQL>
  );
}

/** The bar needs GraphiQL's state, but belongs above it, for the eye and for the Tab key. */
function Bar({ hub, personas, authorization }) {
  const { addTab, changeTab, setTheme } = useGraphiQLActions();
  const { tabs, activeTabIndex, headerEditor, theme } = useGraphiQL(pick('tabs', 'activeTabIndex', 'headerEditor', 'theme'));
  const placeholder = authorization ? 'Token in use' : 'Paste a token';
  const active = personas.find(({ token }) => authorization === `Bearer ${token}`);

  // A new tab goes on as the persona of the tab before.
  const isNew = tabs[activeTabIndex].headers === null;
  useEffect(() => {
    if (isNew && authorization) headerEditor?.setValue(headersWith(authorization));
  }, [isNew]);

  // GraphiQL's styles follow the system at once, its editors only when told.
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => theme ?? setTheme(null);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme]);

  const select = (persona) => {
    let index = tabs.findIndex(({ id }) => id === persona.name);
    if (index < 0) {
      reopened = persona;
      index = tabs.length;
      addTab();
    }
    changeTab(index);
  };
  const applyToken = (event) => {
    event.preventDefault();
    const token = new FormData(event.target).get('token').trim().replace(/^bearer\s+/i, '');
    headerEditor?.setValue(token && headersWith(`Bearer ${token}`));
    event.target.reset();
  };

  const bar = (
    <>
      <img src={icon} alt="" />
      <h1>Switchboard</h1>
      {hub && <span className="hub">{hub}</span>}
      <span className="spring" />
      {personas.length > 0 ? (
        <>
          <span className="muted wide">{active?.hint}</span>
          <div className="personas" role="group" aria-label="Persona">
            {personas.map((persona) => (
              <Tooltip key={persona.name} label={persona.hint ?? persona.name}>
                <button type="button" aria-pressed={persona === active} onClick={() => select(persona)}>
                  {persona.name}
                </button>
              </Tooltip>
            ))}
          </div>
        </>
      ) : (
        <>
          <span className="muted">
            Make a token: <code>switchboard token mint --audience agent</code>
          </span>
          <form onSubmit={applyToken}>
            <input name="token" aria-label="Token" autoComplete="off" spellCheck={false} placeholder={placeholder} />
            <button type="submit">Use</button>
          </form>
        </>
      )}
    </>
  );
  return createPortal(bar, document.getElementById('bar'));
}

fetch(`${import.meta.env.BASE_URL}personas.json`, { cache: 'no-store' })
  .then((response) => response.json())
  .catch(() => ({})) // only a demo has personas
  .then(({ hub, personas = [] }) => {
    const tab = prepareTabs(personas);
    shownTab = tab.id;
    createRoot(document.getElementById('graphiql')).render(<App hub={hub} personas={personas} tab={tab} />);
  });
