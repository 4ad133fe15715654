package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// recording is a list of commands as bytes. They are sent again and again, in
// one pipeline, so that the time of the client does not matter.
type recording struct {
	bytes    []byte
	commands []string // their names
}

// add adds a command.
func (r *recording) add(words ...string) {
	r.bytes = fmt.Appendf(r.bytes, "*%d\r\n", len(words))
	for _, word := range words {
		r.bytes = fmt.Appendf(r.bytes, "$%d\r\n%s\r\n", len(word), word)
	}
	r.commands = append(r.commands, strings.ToUpper(words[0]))
}

// contestant returns the contestant that sends the recording in each pass, for
// a number of operations.
func (r *recording) contestant(name string, p *pipeline, operations int) contestant {
	per := len(r.commands) / operations
	return contestant{
		name: name, commands: strings.Join(r.commands[:per], ", "), sent: float64(len(r.bytes)) / float64(operations),
		pass: func(ctx context.Context) (int, error) { return operations, p.send(ctx, r) },
	}
}

// housekeeping lists commands that the client sends on its own.
var housekeeping = []string{"PING", "HELLO", "CLIENT", "AUTH", "SELECT"}

// parseCommands returns the commands in bytes that a client sent.
func parseCommands(sent []byte) (*recording, error) {
	r, recorded := bufio.NewReader(bytes.NewReader(sent)), &recording{}
	for {
		n, err := readSize(r, '*')
		if errors.Is(err, io.EOF) {
			return recorded, nil
		}
		words := make([]string, n)
		for i := range words {
			var size int
			if size, err = readSize(r, '$'); err != nil {
				break
			}
			word := make([]byte, size+2)
			_, err = io.ReadFull(r, word)
			words[i] = string(word[:size])
		}
		if err != nil || n == 0 {
			return nil, fmt.Errorf("the client sent something else than commands: %w", err)
		}
		if !slices.Contains(housekeeping, strings.ToUpper(words[0])) {
			recorded.add(words...)
		}
	}
}

// readSize reads a line with a size.
func readSize(r *bufio.Reader, kind byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, fmt.Errorf("%q instead of a size", line)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

// recorder records what the connections of a client send.
type recorder struct {
	mu   sync.Mutex
	sent []byte
}

// take returns the commands since the last call.
func (r *recorder) take() (*recording, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	return parseCommands(sent)
}

// recordedConn is a connection whose bytes are recorded.
type recordedConn struct {
	net.Conn
	recorder *recorder
}

func (c recordedConn) Write(p []byte) (int, error) {
	c.recorder.mu.Lock()
	c.recorder.sent = append(c.recorder.sent, p...)
	c.recorder.mu.Unlock()
	return c.Conn.Write(p)
}

// pipeline is a connection that sends recordings.
type pipeline struct {
	conn    net.Conn
	replies *bufio.Reader
}

// send sends the commands of a recording and reads the replies. If one of them
// is an error, send returns it.
func (p *pipeline) send(ctx context.Context, r *recording) error {
	_, err := p.sendForTexts(ctx, r)
	return err
}

// sendForTexts is like send, and returns the first string of each reply, ""
// if it has none.
func (p *pipeline) sendForTexts(ctx context.Context, r *recording) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	written := make(chan error, 1)
	go func() {
		_, err := p.conn.Write(r.bytes)
		written <- err
	}()
	texts := make([]string, len(r.commands))
	for i, name := range r.commands {
		if err := p.readReply(&texts[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return texts, <-written
}

// readReply reads one reply. If first is empty, it becomes the first string of
// the reply. If the reply is an error, readReply returns it.
func (p *pipeline) readReply(first *string) error {
	line, err := p.replies.ReadSlice('\n')
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(line[1:]))
	switch line[0] {
	case '-':
		return fmt.Errorf("the server refused it: %s", text)
	case '$', '*':
		size, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		if line[0] == '$' && size >= 0 && *first == "" {
			text := make([]byte, size+2)
			_, err = io.ReadFull(p.replies, text)
			*first = string(text[:size])
			return err
		}
		if line[0] == '$' && size >= 0 {
			_, err = p.replies.Discard(size + 2)
			return err
		}
		for range size {
			if err := p.readReply(first); err != nil {
				return err
			}
		}
	}
	return nil
}
