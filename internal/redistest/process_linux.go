package redistest

import (
	"os/exec"
	"syscall"
)

// startTied starts cmd. The kernel kills it when this process ends for any
// reason.
func startTied(cmd *exec.Cmd) (release func(), err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return func() {}, cmd.Start()
}
