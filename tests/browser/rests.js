// Resolves once nothing in the page has changed or moved for a while, or after the most that is asked for.
// oxlint-disable-next-line no-unused-expressions -- the whole text is a function that Playwright calls
([quietMs, mostMs]) =>
  new Promise((done) => {
    const began = performance.now();
    const followed = new Set();
    let last = began;

    const observer = new MutationObserver((changes) => {
      last = performance.now();
      for (const change of changes) change.addedNodes.forEach(look);
    });

    function look(node) {
      if (!(node instanceof Element)) return;
      for (const one of [node, ...node.querySelectorAll('*')]) if (one.shadowRoot) follow(one.shadowRoot);
    }

    function follow(root) {
      if (followed.has(root)) return;
      followed.add(root);
      observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
      root.querySelectorAll('*').forEach(look);
    }

    // a spinner turns for good; what fades or slides comes to an end
    const moves = (one) => one.playState === 'running' && Number.isFinite(one.effect.getComputedTiming().endTime);

    follow(document);
    const timer = setInterval(() => {
      const now = performance.now();
      const rests = now - last >= quietMs && !document.getAnimations().some(moves);
      if (!rests && now - began < mostMs) return;
      clearInterval(timer);
      observer.disconnect();
      done();
    }, 50);
  });
