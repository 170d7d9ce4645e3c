function show(button) {
  button.hidden = !canNotify();
  if (button.hidden) return;
  const blocked = Notification.permission === 'denied';
  button.disabled = blocked;
  button.setAttribute('aria-pressed', String(notifies()));
  button.textContent = blocked
    ? 'Notifications are blocked in this browser'
    : notifies()
      ? 'Notifications on'
      : 'Notify me';
}

export default function ({ parentElement }) {
  const button = parentElement.querySelector('button');
  button.onclick = async () => {
    const wanted = !notifies();
    if (wanted && Notification.permission !== 'granted') await Notification.requestPermission();
    localStorage.setItem(NOTIFY_KEY, wanted ? 'on' : 'off');
    show(button);
  };
  show(button);
}
