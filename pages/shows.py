"""Shows: what was found, as slides for others: made from a sweep or from clips, edited here, opened in a tab of its own."""

from __future__ import annotations

from pages._ui import layout, undo
from pages._ui.add_to_show import menu
from pages._ui.app_shell.open_page import open_page
from pages._ui.shows import changing, editor, list as show_list, query_params
from rivya_core.api.errors import RivyaError


def main() -> None:
    """Draw the list, or the show that the address asks for."""
    lab = open_page("Shows", "Hand over what you found.")
    menu.follow()
    menu.refusal()
    show_id = query_params.opened()
    if show_id is None:
        undo.draw(changing.BAR)
        show_list.draw(lab)
        return
    try:
        show = lab.shows.get(show_id)
    except RivyaError as error:
        editor.back()
        layout.error_card(error)
        return
    editor.draw(lab, show)


main()
