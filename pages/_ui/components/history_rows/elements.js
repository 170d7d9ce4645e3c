// What the rows and their bar are made of.

function make(parent, tag, name, text = '') {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  parent.append(made);
  return made;
}

function button(parent, text, name = '') {
  const made = make(parent, 'button', name, text);
  made.type = 'button';
  return made;
}
