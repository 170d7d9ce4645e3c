export default function ({ data, parentElement }) {
  const image = parentElement.querySelector('.picture');
  if (image.getAttribute('src') !== data.src) image.src = data.src;
  image.alt = data.alt;
}
