package inspect

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/symphony-go/symphony"
)

//go:embed assets
var assets embed.FS

var pageTemplate = template.Must(template.New("page.html").ParseFS(assets, "assets/page.html"))

// page is the content of a page. The template renders it.
type page struct {
	title    string
	current  string // the entry of the navigation
	status   int    // 0: 200
	still    bool   // whether the page does not update itself
	sections []section
}

// section is a part of a page, with a heading if it has one. Its other parts
// follow in this order.
type section struct {
	Heading string
	Text    string
	Notices []notice
	Walk    *walkState
	Facts   []fact
	Form    *form
	Table   *table
	Links   []link
}

// tone is the meaning of a color. Words say the same.
type tone string

const (
	good    tone = "good"
	warning tone = "warning"
	bad     tone = "bad"
	dim     tone = "dim"
)

// notice is a sentence with a mark.
type notice struct {
	Tone tone
	Text string
}

// Mark returns the meaning of the color as a word.
func (n notice) Mark() string {
	return map[tone]string{good: "Good", warning: "Note", bad: "Problem", dim: "Info"}[n.Tone]
}

// fact is a name with a value.
type fact struct {
	Name string
	cell
}

// link is a link, or a button that opens a page.
type link struct {
	Text, URL string
	Label     string // for screen readers, if the text does not stand alone
	Danger    bool
}

// cell is a cell of a table.
type cell struct {
	Text   string
	URL    string
	Tone   tone
	Code   bool   // whether the text is a stored text
	Cut    string // how much of the text is shown, if not all
	Sub    string // a second, smaller line
	Time   string // the time in RFC 3339
	Links  []link // buttons
	Column column
	Head   bool
}

// Long reports whether the text scrolls in its cell.
func (c cell) Long() bool { return len(c.Text) > 1000 }

// Class returns the classes of the text.
func (c cell) Class() string {
	class := string(c.Tone)
	if len(c.Text) <= 20 {
		class += " short"
	}
	if c.Text == "0" || c.Text == "none" {
		class += " zero"
	}
	return strings.TrimSpace(class)
}

type column struct {
	Name   string
	Number bool
	URL    string // to sort
	Sorted string // for aria-sort
}

// row is a row of a table. A row keeps its key when the page updates.
type row struct {
	Key   string
	Cells []cell
}

type table struct {
	Caption string
	Note    string
	Columns []column
	Rows    []row
	Empty   string // the sentence that replaces a table without rows
}

// columns returns columns. A name that ends in # has numbers.
func columns(names ...string) (all []column) {
	for _, name := range names {
		bare, isNumber := strings.CutSuffix(name, "#")
		all = append(all, column{Name: bare, Number: isNumber})
	}
	return all
}

// add adds a row. The first cell is its head. The key may be any text.
func (t *table) add(key string, cells ...cell) {
	for i := range cells {
		cells[i].Column, cells[i].Head = t.Columns[i], i == 0
	}
	t.Rows = append(t.Rows, row{url.QueryEscape(key), cells})
}

// form is a form. Without Post it is a search, with a GET.
type form struct {
	Action, Button string
	Post, Danger   bool
	Fields         []field
	Cancel         string // the URL of the page to which the person can go back
}

// field is an input, a selection if it has options, or a hidden value.
type field struct {
	Name, Label, Value, Hint string
	Options                  []string
	Hidden                   bool
	Required                 bool
}

// walkState is the state of a job.
type walkState struct {
	Text    string
	Running bool
	Walked  int64
	Total   int64  // 0 if it is not known
	Again   string // the name of the job, if it can be run again
}

// rendered is the argument of the template.
type rendered struct {
	Title, Version, Token, Clock string
	Nav                          []link
	Current                      string
	Sections                     []section
	Updates, CanWrite, Redacted  bool
}

var navigation = []link{
	{Text: "Overview", URL: "./"},
	{Text: "Tenants", URL: "tenants"},
	{Text: "Queues", URL: "queues"},
	{Text: "Triggers", URL: "triggers"},
	{Text: "Dead letters", URL: "dead"},
	{Text: "Search", URL: "search"},
}

// render writes a page.
func (h *handler) render(w http.ResponseWriter, r *http.Request, p page) {
	data := rendered{
		Title: p.title, Version: assetVersion, Token: h.token(w, r), Clock: time.Now().UTC().Format(time.TimeOnly), Nav: navigation,
		Current: p.current, Sections: p.sections, Updates: !p.still, CanWrite: h.canWrite, Redacted: h.view.Redact,
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, data); err != nil {
		h.logger.ErrorContext(r.Context(), "inspect: a page could not be rendered", "error", err)
		http.Error(w, "The page could not be rendered.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.status != 0 {
		w.WriteHeader(p.status)
	}
	_, _ = w.Write(b.Bytes()) // the browser has gone
}

// errorPage returns the page of an error.
func errorPage(err error) page {
	status, title := statusOf(err)
	return page{title: title, status: status, sections: []section{{Notices: []notice{problem(err)}}}}
}

// problem returns an error as a sentence.
func problem(err error) notice {
	var lines []string // joined errors of several pools are often equal
	for line := range strings.SplitSeq(strings.TrimPrefix(err.Error(), "symphony: "), "\n") {
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines, "; ")
	switch {
	case errors.Is(err, symphony.ErrNoPermission), strings.Contains(text, "NOPERM"):
		text = "The Redis user may not do this: " + text
	case errors.Is(err, errReadOnly), errors.Is(err, errNoPage), errors.Is(err, errNotAsked):
		text = sentence(text)
	default:
		if status, _ := statusOf(err); status == http.StatusBadGateway {
			text = "Redis did not answer, or refused a command. The page tries again. " + text
		}
	}
	return notice{bad, printable(text)}
}

// sentence returns a text with a capital and a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// walkOf returns the state of a job for a page.
func walkOf[T any](o outcome[T], what, again string) *walkState {
	w := &walkState{Running: o.running, Walked: o.walked, Total: o.total, Again: again}
	switch {
	case o.running && o.total > 0:
		w.Walked = min(w.Walked, w.Total)
		w.Text = fmt.Sprintf("Walking over %s: %s of %s keys", what, count(w.Walked), count(w.Total))
	case o.running:
		w.Text = fmt.Sprintf("Walking over %s for %s", what, roughly(time.Since(o.began)))
	case !o.known, again == "" && o.took < time.Second && time.Since(o.at) < 3*time.Second:
		return nil
	}
	if o.known {
		if w.Text != "" {
			w.Text += ". "
		}
		w.Text += fmt.Sprintf("What you see is from %s UTC, %s ago, and took %s", o.at.Add(-o.took).UTC().Format(time.TimeOnly), roughly(time.Since(o.at)), roughly(o.took))
	}
	return w
}

// addWalk adds the state and the error of a job to a section.
func addWalk[T any](s *section, o outcome[T], what, again string) {
	s.Walk = walkOf(o, what, again)
	if o.err != nil {
		s.Notices = append(s.Notices, problem(o.err))
	}
}

// to returns a relative URL with parameters, in pairs. Empty ones are left out.
func to(path string, params ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		if params[i+1] != "" {
			v.Set(params[i], params[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// maxShown is how many bytes of a value are shown.
const maxShown = 4 << 10

// text returns a cell with plain text.
func text(s string) cell { return cell{Text: s} }

// name returns a cell with a stored name, such as a tenant.
func name(s string) cell { return cell{Text: shown(s, 200), Code: true} }

// linked returns a stored name with a link.
func linked(s, url string) cell { return cell{Text: shown(s, 200), URL: url} }

// value returns a cell with a value, which is JSON.
func value(json []byte) cell {
	if len(json) == 0 {
		return cell{Text: "none", Tone: dim}
	}
	c := cell{Code: true}
	c.Text, c.Cut = cut(string(json), maxShown)
	return c
}

// cut returns the beginning of a text, and a note if the rest is missing.
func cut(s string, limit int) (begin, note string) {
	if len(s) <= limit {
		return printable(s), ""
	}
	end := limit
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return printable(s[:end]), fmt.Sprintf("shows %s of %s", size(int64(end)), size(int64(len(s))))
}

// shown returns a stored name that can stand in a page: quoted if it has
// characters that a page would hide, and shortened.
func shown(s string, limit int) string {
	if s == "" || strings.ContainsFunc(s, hidden) {
		s = strconv.Quote(s)
	}
	if len(s) > limit {
		begin, note := cut(s, limit)
		return begin + "… (" + note + ")"
	}
	return s
}

// hidden reports whether a page would not show a character, or let it change
// the order of others.
func hidden(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// printable returns a text without such characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !hidden(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// amount returns a cell with a number. Zero is dim.
func amount(n int64) cell {
	c := cell{Text: count(n)}
	if n == 0 {
		c.Tone = dim
	}
	return c
}

// alarming returns a cell with a number that should be zero.
func alarming(n int64, t tone) cell {
	c := amount(n)
	if n > 0 {
		c.Tone = t
	}
	return c
}

// count returns a number with commas between thousands.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// size returns a number of bytes.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for ; f >= 1024 && i+1 < len(units); i++ {
		f /= 1024
	}
	if i == 0 || f == float64(int64(f)) {
		return strconv.FormatInt(int64(f), 10) + " " + units[i]
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[i]
}

// roughly returns a duration with two units at most.
func roughly(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 2*time.Minute:
		return strconv.FormatInt(int64(d.Seconds()), 10) + " s"
	case d < 2*time.Hour:
		return strconv.FormatInt(int64(d.Minutes()), 10) + " min"
	case d < 48*time.Hour:
		return strconv.FormatInt(int64(d.Hours()), 10) + " h"
	}
	return strconv.FormatInt(int64(d.Hours()/24), 10) + " days"
}

// moment returns a cell with a time, and how far it is from now.
func moment(t time.Time) cell {
	if t.IsZero() {
		return cell{Text: "none", Tone: dim}
	}
	c := cell{Text: t.UTC().Format(time.DateTime), Time: t.UTC().Format(time.RFC3339)}
	if d := time.Until(t); d > 0 {
		c.Sub = "in " + roughly(d)
	} else {
		c.Sub = roughly(d) + " ago"
	}
	return c
}

// rest returns a cell with the rest of a lifetime.
func rest(l Lifetime) cell {
	if l == 0 {
		return cell{Text: "none", Tone: dim}
	}
	return moment(time.Now().Add(time.Duration(l)))
}

// assetVersion changes with the assets, so that browsers may keep them.
var assetVersion = func() string {
	sum := sha256.New()
	for _, name := range []string{"style.css", "live.js", "icon.svg"} {
		text, err := fs.ReadFile(assets, "assets/"+name)
		if err != nil {
			panic(err) // the file is embedded
		}
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}()

// serveAsset serves the style sheet, the script and the icon.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	types := map[string]string{"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}
	name := r.PathValue("name")
	text, err := fs.ReadFile(assets, "assets/"+name)
	if err != nil || types[name] == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", types[name]+"; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write(text) // the browser has gone
}
