package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/symphony-go/symphony/bench/results"
)

// lines draws how the time of an operation grows. Each contestant has a line
// through its medians, with error bars that span the quartiles.
func lines(curves []results.Curve) *drawing {
	const top, bottom, left, right = 34.0, 300.0, 72.0, 590.0
	first := curves[0]
	d := &drawing{width: plotWidth, height: bottom + 44, title: first.Operation + " by " + first.Along}
	x, y := extent(curves, left, right, bottom, top)
	d.text(0, 16, "title", "start", d.title)
	for _, t := range y.ticks() {
		d.line(left, y.at(t), right, y.at(t), "grid")
		d.text(left-6, y.at(t)+4, "faint", "end", tick(t))
	}
	for _, p := range first.Points {
		d.line(x.at(p.Size), bottom, x.at(p.Size), bottom+4, "axis")
		d.text(x.at(p.Size), bottom+17, "faint", "middle", size(p.Size, first.Unit))
	}
	along := first.Along
	if first.Unit != along {
		along += " in " + first.Unit
	}
	d.text((left+right)/2, bottom+36, "faint", "middle", along+", logarithmic; time for one operation, logarithmic; error bars: quartiles")
	d.line(left, top, left, bottom, "axis")
	d.line(left, bottom, right, bottom, "axis")
	for i, c := range curves {
		d.curve(c, x, y)
		at := top + 10 + 20*float64(i)
		d.line(right+16, at, right+40, at, "line "+color(c.Contestant))
		d.text(right+46, at+4, "", "start", c.Contestant)
	}
	return d
}

func extent(curves []results.Curve, left, right, bottom, top float64) (x, y scale) {
	least, most := math.Inf(1), 0.0
	from, to := math.Inf(1), 0.0
	for _, c := range curves {
		for _, p := range c.Points {
			q := results.QuartilesOf(results.Times(p.Samples))
			least, most = min(least, q.Low), max(most, q.High)
			from, to = min(from, p.Size), max(to, p.Size)
		}
	}
	return scale{from, max(to, 2*from), left + 12, right - 12, true}, scaleOf(least, most, true, bottom, top)
}

func (d *drawing) curve(c results.Curve, x, y scale) {
	var path strings.Builder
	for i, p := range c.Points {
		q := results.QuartilesOf(results.Times(p.Samples))
		at := x.at(p.Size)
		command := " L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, at, y.at(q.Median))
		d.line(at, y.at(q.Low), at, y.at(q.High), "error")
		d.line(at-3, y.at(q.Low), at+3, y.at(q.Low), "error")
		d.line(at-3, y.at(q.High), at+3, y.at(q.High), "error")
		d.add(`<circle cx="%.1f" cy="%.1f" r="3" class="%s"/>`, at, y.at(q.Median), color(c.Contestant))
	}
	d.add(`<path d="%s" class="line %s"/>`, path.String(), color(c.Contestant))
}

func size(x float64, unit string) string {
	if unit == "bytes" {
		return results.Bytes(x)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}
