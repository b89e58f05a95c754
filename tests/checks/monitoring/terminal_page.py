"""Makes a page that looks like a terminal, from its screen as `tmux capture-pane -e -p` or a command with CLICOLOR_FORCE=1 writes it.

terminal_page.py <SCREEN                      one, from standard input
terminal_page.py COLUMNSxROWS=FILE...         a sheet of several; the first line of the page is its size in pixels, in a comment.
                                              ROWS may be left out: as many as there are
"""

import html
import math
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
        self.bold = self.faint = self.reverse = False

    def change(self, codes):
        codes = [int(code or 0) for code in codes]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code in (1, 22):
                self.bold = code == 1
                self.faint = False
            elif code == 2:
                self.faint = True
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
        parts = [f"color:{front}" if front else "", f"background:{back}" if back else "", "font-weight:bold" if self.bold else "", "opacity:0.6" if self.faint else ""]
        return ";".join(part for part in parts if part)


def screen(text):
    """Its rows as markup."""
    style, rows = Style(), []
    for line in text.rstrip("\n").split("\n"):
        row = ""
        for number, piece in enumerate(re.split(r"\x1b\[([\d;]*)m", line)):
            if number % 2:
                style.change(piece.split(";"))
            elif piece:
                row += f'<span style="{style.css()}">{html.escape(piece)}</span>'
        rows.append(f"<div>{row or '&nbsp;'}</div>")
    return rows


LOOK = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #1b1e24; }}
pre {{ margin: 0; padding: 12px; color: #c8ccd4; font: {font}px "DejaVu Sans Mono"; line-height: {height}px; display: inline-block; }}
div {{ height: {height}px; white-space: pre; }}
span {{ display: inline-block; height: {height}px; }}
</style>"""


def one():
    print(LOOK.format(font=14, height=16.3) + f'<pre>{"".join(screen(sys.stdin.read()))}</pre>')


# Of a sheet: the size of a character, what is around each terminal, and how wide the sheet is, in pixels.
FONT, WIDTH, HEIGHT = 11, 6.63, 13
BORDER, CAPTION, GAP = 7, 18, 14
SHEET = round(200 * WIDTH) + 2 * BORDER + 2 * GAP


def sheet(arguments):
    page, x, y, low = "", GAP, GAP, 0
    for argument in arguments:
        size, file = argument.split("=", 1)
        columns, rows = (size.split("x") + ["0"])[:2]
        with open(file) as text:
            content = screen(text.read())
        rows = int(rows) or len(content)
        width, height = math.ceil(int(columns) * WIDTH) + 2 * BORDER, rows * HEIGHT + 2 * BORDER
        # Beside the one before, where there is room.
        if x > GAP and x + width + GAP > SHEET:
            x, y, low = GAP, low + GAP, 0
        page += (f'<p style="left:{x}px;top:{y}px">{columns} columns</p>'
                 f'<pre style="left:{x}px;top:{y + CAPTION}px;width:{width - 2 * BORDER}px;height:{height - 2 * BORDER}px">'
                 f'{"".join(content)}</pre>')
        x += width + GAP
        low = max(low, y + CAPTION + height)
    look = LOOK.format(font=FONT, height=HEIGHT) + f"""<style>
body {{ background: #3a404b; }}
p {{ position: absolute; margin: 0; color: #c8ccd4; font: 12px "DejaVu Sans"; }}
pre {{ position: absolute; padding: {BORDER}px; background: #1b1e24; overflow: hidden; }}
</style>"""
    print(f"<!-- {SHEET} {low + GAP} -->\n{look}{page}")


if len(sys.argv) > 1:
    sheet(sys.argv[1:])
else:
    one()
