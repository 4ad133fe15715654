package page

import (
	"math"

	"github.com/symphony-go/symphony/bench/results"
)

// group is the bars of one number of callers.
type group struct {
	callers int
	bars    []bar
}

// bar is the time of a contestant.
type bar struct {
	name string
	time results.Quartiles
}

const (
	barHeight  = 17.0
	barLeft    = 118.0
	plotWidth  = 720.0
	labelSpace = 76.0
)

// bars draws the times of a contest in groups by callers. A bar ends at the
// median, and its error bar spans the quartiles.
func bars(contest string, groups []group) *drawing {
	least, most, count := math.Inf(1), 0.0, 0
	for _, g := range groups {
		for _, b := range g.bars {
			least, most = min(least, b.time.Median), max(most, b.time.High)
			count++
		}
	}
	top := 34.0
	bottom := top + float64(count)*barHeight + float64(len(groups))*24
	d := &drawing{width: plotWidth, height: bottom + 42, title: contest + ": time per operation"}
	x := scaleOf(least, most, most/least > 100, barLeft, plotWidth-labelSpace)
	d.text(0, 16, "title", "start", d.title)
	for _, t := range x.ticks() {
		d.line(x.at(t), top, x.at(t), bottom, "grid")
		d.text(x.at(t), bottom+16, "faint", "middle", tick(t))
	}
	d.text((barLeft+plotWidth-labelSpace)/2, bottom+34, "faint", "middle", axisName(x, "time for one operation, less is better; error bars: quartiles"))
	y := top
	for _, g := range groups {
		d.text(0, y+16, "faint", "start", results.Callers(g.callers))
		y += 24
		for _, b := range g.bars {
			d.bar(b, x, y)
			y += barHeight
		}
	}
	d.line(barLeft, top, barLeft, bottom, "axis")
	return d
}

func (d *drawing) bar(b bar, x scale, y float64) {
	middle := y + barHeight/2
	d.text(barLeft-6, middle+4, "", "end", b.name)
	d.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s" stroke="none"/>`,
		barLeft, y+2, max(0.5, x.at(b.time.Median)-barLeft), barHeight-4, color(b.name))
	low, high := x.at(b.time.Low), x.at(b.time.High)
	d.line(low, middle, high, middle, "error")
	d.line(low, middle-3, low, middle+3, "error")
	d.line(high, middle-3, high, middle+3, "error")
	d.text(max(high, x.at(b.time.Median))+5, middle+4, "faint", "start", results.Nanoseconds(b.time.Median))
}

func tick(ns float64) string {
	if ns == 0 {
		return "0"
	}
	return results.Nanoseconds(ns)
}

func axisName(s scale, name string) string {
	if s.log {
		return name + " (logarithmic)"
	}
	return name
}
