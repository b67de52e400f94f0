#!/usr/bin/env python3
"""Makes the test pictures beside this script and expected.txt: for each picture a line with its name and, in hexadecimal,
the 28x28 grey levels that Pillow makes of it, row by row: convert("L"), resize((28, 28), LANCZOS).

usage: make.py     (needs python3-pil)
"""
import math
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).parent


def colours(width, height):
    """Slopes, waves and sharp edges in all three colours."""
    picture = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            u, v = x / width, y / height
            picture.putpixel((x, y), (int(255 * u), int(127.5 + 127 * math.sin(9 * v + 5 * u)),
                                      255 if (x * 5 // width + y * 4 // height) % 2 else int(90 * v)))
    return picture


def digit(size):
    """A three, white on black, as drawn by hand with a thick pen."""
    picture = Image.new("L", (size, size))
    draw = ImageDraw.Draw(picture)
    s, pen = size / 28, max(1, size // 10)
    draw.line([(8 * s, 7 * s), (19 * s, 6 * s), (13 * s, 13 * s), (18 * s, 15 * s), (19 * s, 19 * s), (15 * s, 22 * s),
               (8 * s, 21 * s)], fill=255, width=pen, joint="curve")
    return picture


def with_alpha(picture, mode):
    alpha = Image.linear_gradient("L").resize(picture.size)
    picture = picture.convert(mode)
    picture.putalpha(alpha)
    return picture


def pictures():
    yield "colour.png", colours(64, 48), {}
    yield "grey.png", colours(40, 44).convert("L"), {}
    yield "alpha.png", with_alpha(colours(50, 60), "RGBA"), {}
    yield "grey_alpha.png", with_alpha(colours(31, 29), "LA"), {}
    yield "palette.png", colours(60, 40).quantize(37), {}
    yield "palette_16.png", colours(60, 40).quantize(16), {"bits": 4}
    yield "palette_transparent.png", colours(30, 40).quantize(20), {"transparency": 3}
    yield "one_bit.png", digit(90).convert("1"), {}
    yield "digit_3.png", digit(200), {}
    yield "exact.png", digit(28), {}
    yield "exact_width.png", colours(28, 90), {}
    yield "one_pixel.png", Image.new("RGB", (1, 1), (200, 100, 50)), {}
    yield "wide.png", colours(500, 3), {}
    yield "tall.png", colours(2, 400), {}
    yield "large.png", digit(2000), {}
    yield "small.png", colours(5, 7), {}
    yield "colour.jpg", colours(160, 120), {"quality": 90}
    yield "colour_rough.jpg", colours(97, 101), {"quality": 40}
    yield "colour_444.jpg", colours(61, 50), {"quality": 95, "subsampling": 0}
    yield "grey.jpg", digit(120), {"quality": 85}
    yield "progressive.jpg", colours(150, 133), {"quality": 85, "progressive": True}
    yield "colour.bmp", colours(33, 17), {}
    yield "grey.bmp", digit(60), {}
    yield "palette.bmp", colours(35, 30).quantize(50), {}
    yield "one_bit.bmp", digit(75).convert("1"), {}


def main():
    lines = []
    for name, picture, options in pictures():
        picture.save(HERE / name, optimize=name.endswith(".png") or name.endswith(".jpg"), **options)
        expect(lines, name, Image.open(HERE / name).convert("L"))
    # Pillow's convert clips 16 bits at 255, which leaves nothing of a picture; ours takes the upper 8 bits.
    deep = colours(45, 45).convert("L").convert("I").point(lambda x: x * 256 + 99)
    deep.save(HERE / "grey_16_bit.png")
    expect(lines, "grey_16_bit.png", deep.point(lambda x: x * (1 / 256)).convert("L"))
    (HERE / "expected.txt").write_text("".join(lines))


def expect(lines, name, grey):
    small = grey.resize((28, 28), Image.LANCZOS)
    lines.append(f"{name} {small.tobytes().hex()}\n")


if __name__ == "__main__":
    main()
