package page

import (
	"fmt"
	"html"
	"math"
	"regexp"
	"strings"
)

// drawing is an SVG that is being written.
type drawing struct {
	body          strings.Builder
	width, height float64
	title         string
}

// style makes drawings readable on light and dark backgrounds. A drawing in its
// own file contains it. A page contains it once.
// Browsers without light-dark use the light color before it.
var style = regexp.MustCompile(`(fill|stroke): light-dark\((#\w+), `).ReplaceAllString(`
.plot { color-scheme: light dark; }
.plot text { font: 12px system-ui, sans-serif; fill: light-dark(#1f2328, #e6edf3); }
.plot .title { font-size: 14px; font-weight: 600; }
.plot .faint { fill: light-dark(#59636e, #9198a1); }
.plot .axis { stroke: light-dark(#59636e, #9198a1); fill: none; }
.plot .grid { stroke: light-dark(#d1d9e0, #3d444d); fill: none; }
.plot .error { stroke: light-dark(#1f2328, #e6edf3); fill: none; }
.plot .c0 { fill: light-dark(#0969da, #4493f8); stroke: light-dark(#0969da, #4493f8); }
.plot .c1 { fill: light-dark(#6e7781, #9198a1); stroke: light-dark(#6e7781, #9198a1); }
.plot .c2 { fill: light-dark(#bc4c00, #f0883e); stroke: light-dark(#bc4c00, #f0883e); }
.plot .c3 { fill: light-dark(#1a7f37, #3fb950); stroke: light-dark(#1a7f37, #3fb950); }
.plot .c4 { fill: light-dark(#8250df, #ab7df8); stroke: light-dark(#8250df, #ab7df8); }
.plot .c5 { fill: light-dark(#bf3989, #db61a2); stroke: light-dark(#bf3989, #db61a2); }
.plot .c6 { fill: light-dark(#9a6700, #d29922); stroke: light-dark(#9a6700, #d29922); }
.plot .c7 { fill: light-dark(#0e7490, #39c5cf); stroke: light-dark(#0e7490, #39c5cf); }
.plot .line { fill: none; stroke-width: 2; }
`, "$1: $2; $1: light-dark($2, ")

// colors are the colors of the contestants, which are the same in every
// drawing.
var colors = map[string]int{
	"symphony": 0, "rueidis": 1, "om": 2, "go-redis": 3, "go-redis auto": 4, "go-redis cache": 4, "redigo": 5, "asynq": 6, "otter": 7,
}

func color(contestant string) string { return fmt.Sprintf("c%d", colors[contestant]) }

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.body, format+"\n", args...) }

func (d *drawing) text(x, y float64, class, anchor, s string) {
	d.add(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(s))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

// inline returns the drawing for a page that contains the style.
func (d *drawing) inline() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f">`+
		"\n<title>%s</title>\n%s</svg>\n", d.width, d.height, d.width, d.height, html.EscapeString(d.title), d.body.String())
}

// alone returns the drawing as a file of its own.
func (d *drawing) alone() string {
	return strings.Replace(d.inline(), "\n", "\n<style>"+style+"</style>\n", 1)
}

// scale maps numbers to an axis, linearly or by their logarithms.
type scale struct {
	from, to   float64 // numbers
	start, end float64 // places
	log        bool
}

func (s scale) at(x float64) float64 {
	if s.log {
		return s.start + (s.end-s.start)*math.Log(x/s.from)/math.Log(s.to/s.from)
	}
	return s.start + (s.end-s.start)*(x-s.from)/(s.to-s.from)
}

// scaleOf returns a scale for numbers. It begins at zero, or has powers of ten
// if the numbers are far apart.
func scaleOf(least, most float64, log bool, start, end float64) scale {
	if log {
		from := math.Pow(10, math.Floor(math.Log10(least)))
		to := math.Pow(10, math.Ceil(math.Log10(most)))
		if from == to {
			to *= 10
		}
		return scale{from, to, start, end, true}
	}
	step := stepOf(most)
	return scale{0, step * math.Ceil(most/step), start, end, false}
}

// stepOf returns a round number that divides the axis into four to eight steps.
func stepOf(most float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for most/step < 4 {
		step /= 2
	}
	return step
}

// ticks returns the numbers that the axis shows.
func (s scale) ticks() (all []float64) {
	if s.log {
		for x := s.from; x <= s.to*1.001; x *= 10 {
			all = append(all, x)
		}
		return all
	}
	step := stepOf(s.to)
	for x := 0.0; x <= s.to*1.001; x += step {
		all = append(all, x)
	}
	return all
}
