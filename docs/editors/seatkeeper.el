;;; seatkeeper.el --- license and options files -*- lexical-binding: t -*-

;; For Emacs 29 and later, or an earlier one with the package eglot. Load this file from the init file; `seatkeeper' must be on
;; the PATH. `M-x eglot' in a license or options file starts the server; the hook does it by itself.

;;; Code:

(require 'eglot)

(define-derived-mode seatkeeper-license-mode prog-mode "License"
  "Major mode for license files."
  (setq-local comment-start "# "))

(define-derived-mode seatkeeper-options-mode prog-mode "Options"
  "Major mode for options files."
  (setq-local comment-start "# "))

(add-to-list 'auto-mode-alist '("\\(?:\\.lic\\|/license\\.dat\\)\\'" . seatkeeper-license-mode))
(add-to-list 'auto-mode-alist '("\\.opt\\'" . seatkeeper-options-mode))
(add-to-list 'eglot-server-programs
             '((seatkeeper-license-mode seatkeeper-options-mode) . ("seatkeeper" "lsp")))
(add-hook 'seatkeeper-license-mode-hook #'eglot-ensure)
(add-hook 'seatkeeper-options-mode-hook #'eglot-ensure)

(provide 'seatkeeper)
;;; seatkeeper.el ends here
