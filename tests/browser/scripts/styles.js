// What the browser does not understand in a style sheet that the formatter wrote: it would be dropped without a word.

const isAtRule = (selector) => selector.startsWith('@') || /^(from|to|[\d.]+%)/u.test(selector);

function understands(selector) {
  try {
    document.createDocumentFragment().querySelector(selector);
    return true;
  } catch {
    return false;
  }
}

function faultsOf(css) {
  const faults = [];
  const bare = css.replaceAll(/\/\*[\s\S]*?\*\//gu, '');
  for (const [, before, inside] of bare.matchAll(/([^{}]*)\{([^{}]*)\}/gu)) {
    const selector = before.split(';').at(-1).trim();
    if (!isAtRule(selector) && !understands(selector)) faults.push(selector);
    const names = new Set();
    for (const declaration of inside.split(/;\s*\n/u).filter((line) => line.trim())) {
      const [, name, value] = /^\s*([\w-]+):\s*([\s\S]*?)\s*(?:!important)?;?\s*$/u.exec(declaration) ?? [];
      const isKnown = name?.startsWith('--') || isAtRule(selector) || CSS.supports(name ?? '', value ?? '');
      if (!isKnown || names.has(name)) faults.push(`${selector} { ${declaration.trim()} }`);
      names.add(name);
    }
  }
  return faults;
}
