export default function ({ data, parentElement, setTriggerValue }) {
  parentElement.querySelector('.label').textContent = data.label;
  const shelf = parentElement.querySelector('.shelf');
  const shown = JSON.stringify(data.images);
  if (shelf.dataset.shown !== shown) {
    shelf.dataset.shown = shown;
    shelf.replaceChildren(
      ...data.images.map((one) => {
        const picture = document.createElement('img');
        picture.src = one.src;
        picture.alt = '';
        const button = document.createElement('button');
        button.type = 'button';
        button.title = one.name;
        button.setAttribute('aria-label', `Use ${one.name}`);
        button.dataset.id = one.id;
        button.append(picture);
        const item = document.createElement('li');
        item.append(button);
        return item;
      }),
    );
  }
  shelf.onclick = (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    button.setAttribute('aria-busy', 'true');
    setTriggerValue('choose', button.dataset.id);
  };
}
