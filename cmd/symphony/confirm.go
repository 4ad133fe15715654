package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

var errNotConfirmed = errors.New("nothing was changed")

// canAsk returns an error if there is no terminal on which confirm can ask.
func (s *session) canAsk() error {
	if !s.inIsTerminal || !s.errIsTerminal {
		return usagef("there is no terminal to ask before the change; add -yes")
	}
	return nil
}

// confirm asks once and returns nil if the answer is yes.
func (s *session) confirm(question string) error {
	s.bar.hide()
	_, _ = fmt.Fprint(s.err, question, " [yes/no] ")
	answer, _ := bufio.NewReader(s.in).ReadString('\n') // no answer is not yes
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "yes" && answer != "y" {
		return errNotConfirmed
	}
	return nil
}
