"""Makes a page that looks like the terminal whose screen comes on standard input, as `tmux capture-pane -e -p` writes it."""

import html
import re
import sys

# The sixteen colours, of a dark scheme; then how others are made.
NAMED = ["#21252b", "#e06c75", "#8cc265", "#d9a441", "#61afef", "#c678dd", "#4fb6c3", "#d7dae0",
         "#6b7385", "#ff7b86", "#a5e075", "#f0c674", "#7cc1ff", "#d89cf0", "#6fd3de", "#ffffff"]


def indexed(number):
    if number < 16:
        return NAMED[number]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#" + "".join(f"{levels[number // step % 6]:02x}" for step in (36, 6, 1))


class Style:
    def __init__(self):
        self.front = self.back = None
        self.bold = self.reverse = False

    def change(self, codes):
        codes = [int(code or 0) for code in codes]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code in (1, 22):
                self.bold = code == 1
            elif code in (7, 27):
                self.reverse = code == 7
            elif code in (38, 48):
                assert codes.pop(0) == 5, "tmux writes colours of this kind"
                setattr(self, "front" if code == 38 else "back", indexed(codes.pop(0)))
            elif code in (39, 49):
                setattr(self, "front" if code == 39 else "back", None)
            elif code // 10 in (3, 9):
                self.front = NAMED[code % 10 + (8 if code >= 90 else 0)]
            elif code // 10 in (4, 10):
                self.back = NAMED[code % 10 + (8 if code >= 100 else 0)]

    def css(self):
        front, back = self.front, self.back
        if self.reverse:
            front, back = back or "#1b1e24", front or "#c8ccd4"
        parts = [f"color:{front}" if front else "", f"background:{back}" if back else "", "font-weight:bold" if self.bold else ""]
        return ";".join(part for part in parts if part)


style, rows = Style(), []
for line in sys.stdin.read().rstrip("\n").split("\n"):
    row = ""
    for number, piece in enumerate(re.split(r"\x1b\[([\d;]*)m", line)):
        if number % 2:
            style.change(piece.split(";"))
        elif piece:
            row += f'<span style="{style.css()}">{html.escape(piece)}</span>'
    rows.append(f"<div>{row or '&nbsp;'}</div>")
print(f"""<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #1b1e24; }}
pre {{ margin: 0; padding: 12px; color: #c8ccd4; font: 14px "DejaVu Sans Mono"; line-height: 16.3px; display: inline-block; }}
div {{ height: 16.3px; white-space: pre; }}
span {{ display: inline-block; height: 16.3px; }}
</style><pre>{"".join(rows)}</pre>""")
