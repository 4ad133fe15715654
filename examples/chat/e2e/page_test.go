// Package e2e opens the page of the chat in a real browser. It is a module of
// its own, so that nobody else's module graph carries the browser's driver.
package e2e

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Two people write on one page to two tenants. Each sees what they wrote wait
// in their own queue behind their own trigger, and then their own answer.
func TestTwoTenantsSideBySide(t *testing.T) {
	page := open(t, startChat(t))
	left, right := page.pane("left"), page.pane("right")

	left.send("hello <b>there</b>")
	left.typeUntil("the message waits", func() bool {
		return strings.HasPrefix(left.text(".count"), "1 waiting") && strings.HasPrefix(left.text(".due"), "due in ") &&
			left.text(".waiting") == "hello <b>there</b>"
	})
	require.Contains(t, left.text(".queue-key"), "acme:batch:chat:alice:answer")
	left.send("I want a lamp")
	right.send("A cup, please!")

	left.await("the lamp is shipped", func() bool { return left.text(".orders") == "lamp 40.00 shipped" })
	right.await("the cup is shipped", func() bool { return right.text(".orders") == "cup 9.50 shipped" })
	left.await("the queue is empty", func() bool {
		return left.text(".count") == "0 waiting, 0 being answered" && left.text(".due") == "none due"
	})
	require.Contains(t, left.text(".log"), "Ordered: a lamp for 40.00.")
	require.NotContains(t, left.text(".log"), "cup for")
	require.Contains(t, right.text(".log"), "Ordered: a cup for 9.50.")
	require.NotContains(t, right.text(".log"), "lamp")
	require.Contains(t, left.text(".scratch"), `"lamp"`)
	require.Regexp(t, `^acme:SS:turn-\S+-1:alice$`, left.text(".scratch-key"))
	require.Contains(t, left.text(".state"), `"said": "Ordered: a lamp for 40.00."`)
	require.Contains(t, left.text(".profile"), `"messages": 2`)
	require.Contains(t, right.text(".profile"), `"messages": 1`)
	require.Equal(t, 0, page.count("b"), "a message became a part of the page")
	page.screenshot()
}

// Whoever changes sides sees what is there, and a mistake is shown.
func TestAnotherTenant(t *testing.T) {
	page := open(t, startChat(t))
	left, right := page.pane("left"), page.pane("right")
	right.send("a chair")
	right.await("the chair is shipped", func() bool { return right.text(".orders") == "chair 120.00 shipped" })

	left.fill(".tenant", "")
	left.await("a tenant is asked for", func() bool { return left.text(".link") == "Enter a tenant." })
	left.fill(".tenant", strings.Repeat("a", 65))
	left.await("a tenant that is too long is refused", func() bool { return left.text(".link") != "" })
	require.Empty(t, left.text(".state"), "data of another tenant is left")
	left.fill(".tenant", "globex")
	left.fill(".user", "bob")
	left.await("both sides are one person", func() bool {
		return left.text(".orders") == "chair 120.00 shipped" && left.text(".link") == ""
	})
	require.Equal(t, right.text(".state"), left.text(".state"))
	require.Equal(t, right.text(".log"), left.text(".log"))
	left.send("and a cup")
	right.await("the other side shows it", func() bool { return strings.Contains(right.text(".log"), "and a cup") })
}

// What a person sees stays: the log after a reload, and a mistake until they
// do something else.
func TestStays(t *testing.T) {
	page := open(t, startChat(t))
	left := page.pane("left")
	left.send("hello")
	left.await("an answer", func() bool { return strings.Contains(left.text(".log"), "We have cups") })
	page.do(chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS("#right .text")))
	left.await("the log is there again", func() bool { return left.text(".log") == "helloI hear you. We have cups, lamps and chairs." })

	left.fill(".text", " \n")
	left.await("a message without text is refused", func() bool { return strings.Contains(left.text(".trouble"), "text") })
	left.typeUntil("the message waits", func() bool { return left.text(".trouble") == "" })
	left.fill(".text", " \n")
	left.await("a message without text is refused again", func() bool { return left.text(".trouble") != "" })
	before := left.text(".state")
	page.pane("right").send("hi")
	page.pane("right").await("another answer", func() bool { return strings.Contains(page.pane("right").text(".log"), "We have cups") })
	require.Contains(t, left.text(".trouble"), "text", "the mistake is gone after many refreshes")
	require.Equal(t, before, left.text(".state"))
}

// The words of an answer appear one by one. After a reload in the middle of it,
// the page shows the words that were there, asks for those after them only, and
// no word is missing or twice.
func TestReloadDuringAnAnswer(t *testing.T) {
	const whole = "I hear you. We have cups, lamps and chairs."
	page := open(t, startChat(t, "TOKEN=300ms"))
	left := page.pane("left")
	left.send("hello")
	said := func() string {
		return ask(page, chromedp.Evaluate[string](`document.querySelector("#left .says")?.textContent ?? ""`))
	}
	left.await("three words are said", func() bool { return strings.HasPrefix(said(), "I hear you.") })
	require.Less(t, len(said()), len(whole), "the answer is complete already")
	page.do(chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS("#right .text")))
	left.await("more words are said", func() bool {
		text := said()
		require.True(t, strings.HasPrefix(whole, text), text)
		return len(text) > len("I hear you. We ")
	})
	left.await("the answer is there", func() bool { return left.text(".log") == "hello"+whole })
	after := ask(page, chromedp.Evaluate[string](`document.querySelector("#left").dataset.after`))
	require.Regexp(t, `^\d{13}-\d{19}$`, after, "the cursor behind which it asked for words")
}

// Every input has a label, and the page fits a phone.
func TestLabelsAndPhone(t *testing.T) {
	page := open(t, startChat(t))
	require.Equal(t, 0, ask(page, chromedp.Evaluate[int](`[...document.querySelectorAll("main input")].filter(i => !i.labels.length).length`)))
	require.Equal(t, 6, page.count("main input"))
	page.do(chromedp.EmulateViewport(390, 844))
	require.Equal(t, 390, ask(page, chromedp.Evaluate[int](`document.documentElement.scrollWidth`)))
	page.pane("left").send("I want a lamp")
	page.pane("left").await("the lamp is shipped", func() bool { return strings.Contains(page.pane("left").text(".orders"), "shipped") })
	page.screenshot()
}

// The page is dark for people who prefer that.
func TestDark(t *testing.T) {
	page := open(t, startChat(t))
	background := `getComputedStyle(document.body).backgroundColor`
	require.Equal(t, "rgb(244, 244, 248)", ask(page, chromedp.Evaluate[string](background)))
	dark := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}
	page.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, dark)
		return err
	}))
	require.Equal(t, "rgb(20, 21, 26)", ask(page, chromedp.Evaluate[string](background)))
	page.pane("left").send("I want a lamp")
	page.pane("right").send("hello")
	page.pane("left").await("the lamp is shipped", func() bool { return strings.Contains(page.pane("left").text(".orders"), "shipped") })
	page.pane("right").await("an answer", func() bool { return strings.Contains(page.pane("right").text(".log"), "We have cups") })
	page.screenshot()
}

// startChat runs the program as its README says, on its embedded server, and
// requires that it ends as it should.
func startChat(t *testing.T, env ...string) (url string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "chat")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	chat := exec.Command(program)
	chat.Env = append(append(os.Environ(), "ADDR=127.0.0.1:0", "REDIS_URL="), env...)
	log, err := chat.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, chat.Start())
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(log); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, chat.Process.Signal(syscall.SIGTERM))
		for line := range lines {
			t.Log(line)
		}
		require.NoError(t, chat.Wait(), "the program did not end well")
	})
	listening := regexp.MustCompile(`listening on (http://\S+)`)
	for line := range lines {
		if found := listening.FindStringSubmatch(line); found != nil {
			return found[1]
		}
	}
	require.Fail(t, "the program ended before it listened")
	return ""
}

// page is the chat's page in a browser of its own.
type page struct {
	t   *testing.T
	ctx context.Context
}

func open(t *testing.T, url string) page {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser(t)),
		chromedp.WindowSize(1200, 1100))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Listen(ctx, func(event any) { // and so starts the browser
		if thrown, ok := event.(*runtime.EventExceptionThrown); ok {
			t.Errorf("the page threw: %+v", thrown.ExceptionDetails)
		}
	}))
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	p := page{t, ctx}
	p.do(chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#right .text")))
	return p
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

func (p page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, actions...))
}

func ask[T any](p page, action chromedp.Action[T]) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, action)
	require.NoError(p.t, err)
	return v
}

func (p page) count(selector string) int {
	p.t.Helper()
	return ask(p, chromedp.Evaluate[int](`document.querySelectorAll("`+selector+`").length`))
}

// screenshot shows a person what the test saw, in the directory
// E2E_SCREENSHOTS.
func (p page) screenshot() {
	p.t.Helper()
	if dir := os.Getenv("E2E_SCREENSHOTS"); dir != "" {
		require.NoError(p.t, os.WriteFile(filepath.Join(dir, p.t.Name()+".png"), ask(p, chromedp.FullScreenshot(100)), 0o600))
	}
}

func (p page) pane(id string) pane { return pane{p, "#" + id + " "} }

// pane is one side of the page.
type pane struct {
	page
	at string
}

// text is what a part of the pane shows.
func (p pane) text(part string) string {
	p.t.Helper()
	return ask(p.page, chromedp.TextContent(chromedp.CSS(p.at+part)))
}

// fill types a text into a part of the pane, over what is there.
func (p pane) fill(part, text string) {
	p.t.Helper()
	empty := `(input => { input.value = ""; input.dispatchEvent(new Event("input")) })(document.querySelector("` + p.at + part + `"))`
	p.do(chromedp.Evaluate[chromedp.Void](empty))
	if text != "" {
		p.do(chromedp.SendKeys(chromedp.CSS(p.at+part), text))
	}
}

// send writes a message and presses Enter, and waits until the page took it.
func (p pane) send(text string) {
	p.t.Helper()
	p.fill(".text", text+"\n")
	p.await("the message is taken", func() bool { return ask(p.page, chromedp.Value(chromedp.CSS(p.at+".text"))) == "" })
}

// typeUntil presses keys, as a person does whose message is not complete.
func (p pane) typeUntil(what string, done func() bool) {
	p.t.Helper()
	p.await(what, func() bool { p.fill(".text", "and"); return done() })
}

func (p pane) await(what string, done func() bool) {
	p.t.Helper()
	for ; !done(); time.Sleep(50 * time.Millisecond) {
		if err := p.ctx.Err(); err != nil {
			require.Fail(p.t, what+": it did not happen", errors.Join(err, context.Cause(p.ctx)))
		}
	}
}
