package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// tab is a tab of a browser of its own. An exception, an error of the console
// and a dialog of a page fail the test.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
}

func open(t *testing.T, base string) tab {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser(t)), chromedp.WindowSize(1280, 900))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Listen(ctx, func(event any) { // and so starts the browser
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page threw: %+v", e.ExceptionDetails)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "ERR_EMPTY_RESPONSE") && !strings.Contains(e.Entry.Text, "status of 4") {
				t.Errorf("the console has an error: %s %s", e.Entry.Text, e.Entry.URL)
			}
		case *page.EventJavascriptDialogOpening:
			t.Errorf("the page opened a dialog: %s", e.Message)
		}
	}))
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return tab{t, ctx, base}
}

// browser finds a Chromium. Without one the test is skipped, and fails in CI.
func browser(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("CHROMIUM"); named != "" {
		return named
	}
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		path, err := exec.LookPath(name)
		if err == nil {
			return path
		}
		require.ErrorIs(t, err, exec.ErrNotFound)
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no Chromium")
	}
	t.Skip("there is no Chromium; CHROMIUM names one")
	return ""
}

func (b tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, actions...))
}

// eval returns the value of an expression.
func eval[T any](b tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return v
}

func (b tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base+path), chromedp.WaitVisible(chromedp.CSS("h1")))
}

// look sets the size of the window and the colors that the person prefers.
func (b tab) look(width int64, scheme string) {
	b.t.Helper()
	colors := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	b.do(chromedp.EmulateViewport(width, 900), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, colors)
		return err
	}))
}

func (b tab) text(selector string) string {
	b.t.Helper()
	return eval[string](b, `document.querySelector("`+selector+`")?.innerText ?? ""`)
}

// press presses keys.
func (b tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// focused describes the element that has the focus.
func (b tab) focused() string {
	b.t.Helper()
	return eval[string](b, `(e => (e.getAttribute("aria-label") ?? e.innerText ?? e.name ?? "").trim() || e.name || e.tagName)(document.activeElement)`)
}

// tabTo presses Tab until an element has the focus, and requires that each
// element on the way can be seen and shows its focus.
func (b tab) tabTo(label string) {
	b.t.Helper()
	var passed []string
	for range 200 {
		b.press(kb.Tab)
		problem := eval[string](b, `(e => {
			if (e === document.body || e.id === "main") return "";
			const style = getComputedStyle(e), box = e.getBoundingClientRect();
			if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 1) return "no outline";
			if (box.width < 1 || box.height < 1) return "no size";
			if (box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) return "out of sight";
			return "";
		})(document.activeElement)`)
		now := b.focused()
		require.Empty(b.t, problem, "%s, after %q", now, passed)
		if passed = append(passed, now); now == label {
			return
		}
	}
	require.Fail(b.t, "Tab never reached "+label, passed)
}

func (b tab) await(what string, done func() bool) {
	b.t.Helper()
	for ; !done(); time.Sleep(50 * time.Millisecond) {
		if err := b.ctx.Err(); err != nil {
			require.Fail(b.t, what+": it did not happen", errors.Join(err, context.Cause(b.ctx)))
		}
	}
}

// screenshot writes the whole page to the folder E2E_SCREENSHOTS, for a person
// to look at.
func (b tab) screenshot(name string) {
	b.t.Helper()
	if dir := os.Getenv("E2E_SCREENSHOTS"); dir != "" {
		picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		require.NoError(b.t, err)
		require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600))
	}
}
