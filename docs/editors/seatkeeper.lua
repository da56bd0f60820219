-- Seatkeeper's language server for license and options files, for Neovim 0.7 and later.
-- Put this file into ~/.config/nvim/plugin/; `seatkeeper` must be on the PATH.
local command = { "seatkeeper", "lsp" }

local function attach(args)
  local file = vim.api.nvim_buf_get_name(args.buf)
  local config = {
    name = "seatkeeper",
    cmd = command,
    root_dir = vim.fn.fnamemodify(file, ":p:h"),
  }
  if vim.lsp.start then
    vim.lsp.start(config, { bufnr = args.buf })
  else
    SeatkeeperClient = SeatkeeperClient or vim.lsp.start_client(config)
    vim.lsp.buf_attach_client(args.buf, SeatkeeperClient)
  end
end

vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile" }, {
  pattern = { "*.lic", "license.dat", "*.opt" },
  callback = attach,
})
