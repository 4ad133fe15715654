package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

var errNotConfirmed = errors.New("nothing was changed")

// confirm asks once and returns nil if the answer is yes. Without a terminal it
// asks nothing, and the command line must have -yes.
func (s *session) confirm(question string) error {
	if !s.inIsTerminal || !s.errIsTerminal {
		return usagef("%s There is no terminal to ask; add -yes", question)
	}
	s.bar.hide()
	_, _ = fmt.Fprint(s.err, question, " [yes/no] ")
	answer, _ := bufio.NewReader(s.in).ReadString('\n') // no answer is not yes
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "yes" && answer != "y" {
		return errNotConfirmed
	}
	return nil
}
